/*
 * watching: see watching.h.
 *
 * The free space of a group is shared by all watchers of this host that extend volumes in it.
 * Each of them takes the group's lock before it asks LVM for the free space, and gives it back
 * after the volume was extended, so that two of them cannot use the same space.
 */
#include "lib/op/watching.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/op/watching_tell.h"
#include "lib/store/image.h"

void watching_init(struct watching *w, uint64_t number, const char *path,
	const struct policy *policy, const struct watching_want *want)
{
	memset(w, 0, sizeof(*w));
	w->number = number;
	w->disk = (struct watched){ .policy = policy, .path = path };
	w->rule = want->rule;
	w->once = want->once;
	w->dry_run = want->dry_run;
	w->guest = want->guest;
	w->lock = (struct watch_lock)WATCH_LOCK_INIT;
	w->free = UINT64_MAX;
}

void watching_fini(struct watching *w)
{
	watched_fini(&w->disk);
	watch_lock_release(&w->lock);
}

static struct watch_state watching_state(const struct watching *w)
{
	struct watch_state s = watched_state(&w->now);

	s.rate = w->rate.rate;
	return s;
}

/* It could not be extended: the reason is recorded. */
static int tell_failed_extension(struct watching *w, struct session *s)
{
	w->state = WATCHING_ALARM;
	w->not_before_ms = io_now_ms() + WATCHING_AGAIN_MS;
	return watching_tell_error(w, s, "alarm");
}

/* Of another image than the one that was watched before, the lock is taken first. */
static int watching_take_lock(struct watching *w, const char *identity)
{
	int r;

	if (w->lock.fd >= 0 && strcmp(identity, w->now.identity) == 0)
		return 0;
	watch_lock_release(&w->lock);
	r = watch_lock_take(&w->lock, "disk", identity);
	if (r == WATCH_LOCK_BUSY)
		return err_set(ST_BUSY, "in use: it is being watched by another img-watch");
	return r;
}

/* Which group it is in, and whether it may be extended. */
static int watching_find_group(struct watching *w)
{
	struct backend_space space;
	struct image *img;

	if (!w->rule.extends || w->now.is_file || w->knows_group)
		return 0;
	img = watched_open_storage(&w->disk, &space);
	if (!img)
		return -1;
	image_close(img);
	w->knows_group = true;
	memcpy(w->group, space.group, sizeof(w->group));
	w->free = *space.group ? space.free : UINT64_MAX;
	return 0;
}

static int watching_measure(struct watching *w)
{
	bool has_lock = !w->dry_run && !(w->once && !w->rule.extends), is_other;
	struct watched_numbers n;

	if (watched_measure(&w->disk, &n) < 0)
		return -1;
	if (has_lock && watching_take_lock(w, n.identity) < 0)
		return -1;
	is_other = strcmp(n.identity, w->now.identity) != 0;
	if (is_other)
		w->rate = (struct growth_rate){ 0 };
	else
		w->has_grown |= !n.is_file && n.physical > w->now.physical;
	w->now = n;
	growth_rate_update(&w->rate, n.allocation, io_now_ms());
	if (n.capacity > w->rule.start || is_other)
		w->rule.start = n.capacity;
	if (n.is_dirty && !w->was_told_of_dirt)
		log_warn(
			"warning: %s: the qcow2 image was not closed by its last user, or has lazy "
			"reference counts: its watermark can be higher than what is measured",
			n.path);
	w->was_told_of_dirt = n.is_dirty;
	return watching_find_group(w);
}

/* 0: it was extended, or would be; 1: no; -1 recorded. */
static int watching_extend(struct watching *w, struct watch_decision *d, uint64_t *size)
{
	const struct watch_state state = watching_state(w);
	const struct watch_space none = { 0 };
	struct backend_space space;
	struct watch_space has;
	struct image *img;
	int r = 1;

	*d = watch_rule_decide(&state, &w->rule, &none);
	if (d->why != WATCH_FIXED)
		return 1;
	img = watched_open_storage(&w->disk, &space);
	if (!img)
		return -1;
	w->free = *space.group ? space.free : UINT64_MAX;
	has = (struct watch_space){ space.free, space.unit };
	*d = watch_rule_decide(&state, &w->rule, &has);
	*size = d->to;
	if (d->act == WATCH_EXTEND)
		r = w->dry_run ? 0 : watched_extend(img, d->to, size);
	if (r == 0 && !w->dry_run && !space.is_thin && *size - w->now.physical <= w->free)
		w->free -= *size - w->now.physical;
	image_close(img);
	return r;
}

/* The same, when no other watcher is doing it in that group. */
static int watching_extend_alone(struct watching *w, struct watch_decision *d, uint64_t *size)
{
	struct watch_lock lock = WATCH_LOCK_INIT;
	int r = 0;

	if (*w->group && !w->dry_run)
		r = watch_lock_wait(&lock, "group", w->group, WATCHING_GROUP_MS);
	if (r == 0)
		r = watching_extend(w, d, size);
	watch_lock_release(&lock);
	return r;
}

static int tell_alarm(struct watching *w, struct session *s, enum watch_why why)
{
	w->state = WATCHING_ALARM;
	w->not_before_ms = io_now_ms() + WATCHING_AGAIN_MS;
	return watching_tell_alarm(w, s, why);
}

/* QEMU does not tell when it is near its end: the reason is recorded. */
static int tell_unarmed(struct watching *w, struct session *s)
{
	/* Of a disk that is near its end, no threshold is set, so that is no news. */
	if (w->state == WATCHING_ALARM || w->state == WATCHING_NEAR ||
		w->state == WATCHING_UNARMED) {
		err_clear();
		return 0;
	}
	w->state = WATCHING_UNARMED;
	return watching_tell_error(w, s, "unarmed");
}

/* It has its new size.  That is told when its new threshold is set. */
static int watching_extended(
	struct watching *w, struct session *s, const struct watching_event *extended)
{
	bool needs_arm = w->guest && !w->dry_run && !w->once;
	struct watch_state now;
	struct err why = { .status = ST_OK };

	if (w->state != WATCHING_UNARMED) {
		w->state = WATCHING_ARMED;
		w->reason[0] = '\0';
	}
	w->has_grown = w->needs_arm = needs_arm;
	if (needs_arm && watching_guest_arm(w) < 0) {
		err_take(&why);
	} else {
		w->state = WATCHING_ARMED;
		w->reason[0] = '\0';
	}
	now = watching_state(w);
	w->is_urgent = needs_arm && watch_rule_is_near(&now, &w->rule);
	if (watching_tell(w, s, extended) < 0)
		return -1;
	if (!w->needs_arm)
		return 0;
	err_put(&why);
	return tell_unarmed(w, s);
}

/* It is due. */
static int watching_act(struct watching *w, struct session *s)
{
	struct watching_event e = { .name = "extended", .previous = w->now.physical };
	struct watch_decision d = { .why = WATCH_FINE };
	uint64_t size = 0;
	int r;

	if (w->state == WATCHING_ALARM && io_now_ms() < w->not_before_ms)
		return 0;
	r = w->needs_arm && w->guest->watch.is_open ? 1 : watching_extend_alone(w, &d, &size);
	if (r < 0)
		return tell_failed_extension(w, s);
	if (r > 0)
		return d.why == WATCH_FINE ? 0 : tell_alarm(w, s, d.why);
	w->now.physical = size;
	return watching_extended(w, s, &e);
}

static int tell_near(struct watching *w, struct session *s)
{
	const struct watching_event e = { .name = "near", .status = ST_NEAR };

	if (w->state == WATCHING_NEAR)
		return 0;
	w->state = WATCHING_NEAR;
	return watching_tell(w, s, &e);
}

static int tell_armed(struct watching *w, struct session *s)
{
	const struct watching_event e = { .name = w->once ? "enough" : "armed" };

	if (w->state == WATCHING_ARMED || (w->guest && !w->once && !w->is_armed))
		return 0;
	w->state = WATCHING_ARMED;
	w->reason[0] = '\0';
	return watching_tell(w, s, &e);
}

/* It could not be measured.  1, or -1 recorded: the client is lost. */
static int watching_lose(struct watching *w, struct session *s)
{
	bool is_new = w->state == WATCHING_NEW, is_told = w->state == WATCHING_LOST;

	/* QEMU may have written the tables while they were read, so they are read again. */
	if (!is_new && !is_told && !w->is_doubtful && err_status() == ST_CORRUPT) {
		w->is_doubtful = true;
		err_clear();
		return 1;
	}
	/* The number of its device may be that of another disk soon. */
	watch_lock_release(&w->lock);
	if (!is_new)
		w->state = WATCHING_LOST;
	if (is_told) {
		snprintf(w->reason, sizeof(w->reason), "%s", err_text());
		err_clear();
		return 1;
	}
	w->reason[0] = '\0';
	return watching_tell_error(w, s, is_new ? "failed" : "lost") < 0 ? -1 : 1;
}

int watching_round(struct watching *w, struct session *s)
{
	bool is_new = w->state == WATCHING_NEW;
	struct watch_state state;
	struct watch_rule rule;

	w->is_urgent = false;
	if (watching_measure(w) < 0)
		return watching_lose(w, s);
	w->is_doubtful = false;
	if (w->guest && watching_guest_arm(w) < 0) {
		if (is_new)
			return watching_lose(w, s);
		if (tell_unarmed(w, s) < 0)
			return -1;
	}
	state = watching_state(w);
	rule = w->rule;
	rule.extends = rule.extends && !w->now.is_file;
	if (!watch_rule_is_due(&state, &rule))
		return tell_armed(w, s);
	/* What begins near its end is watched, too, and what was lost is found again. */
	if (!w->once && !w->guest && (is_new || w->state == WATCHING_LOST) && tell_armed(w, s) < 0)
		return -1;
	return rule.extends ? watching_act(w, s) : tell_near(w, s);
}

int watching_pause(const struct watching *w)
{
	const struct watch_state s = watching_state(w);
	uint64_t threshold = watch_rule_threshold(&s, &w->rule), left;
	double ms;

	if (w->is_doubtful && w->state != WATCHING_LOST)
		return WATCHING_POLL_MIN_MS;
	if (w->is_urgent)
		return 0;
	if (w->guest && w->guest->watch.is_open && w->state != WATCHING_UNARMED)
		return io_now_ms() - w->guest->opened_ms < 2 * WATCHING_FIRST_MS ? WATCHING_FIRST_MS
										 : WATCHING_SLOW_MS;
	if (w->rate.rate <= 0 || w->state != WATCHING_ARMED)
		return WATCHING_POLL_MS;
	left = threshold > s.used ? threshold - s.used : 0;
	ms = (double)left / w->rate.rate / 4;
	return ms > WATCHING_POLL_MS	   ? WATCHING_POLL_MS
	       : ms < WATCHING_POLL_MIN_MS ? WATCHING_POLL_MIN_MS
					   : (int)ms;
}
