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
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/op/op.h"
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

static void add_time_of_day(struct buf *b)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	kv_addf(b, "time", "%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
}

static void add_numbers(const struct watching *w, struct buf *b)
{
	const struct watch_state s = watching_state(w);
	uint64_t free = w->now.is_file ? w->now.free : w->free;

	kv_add(b, "path", w->now.path);
	kv_add_u64(b, "capacity", w->now.capacity);
	kv_add_u64(b, "allocation", w->now.allocation);
	kv_add_u64(b, "physical", w->now.physical);
	kv_add_u64(b, "threshold", watch_rule_threshold(&s, &w->rule));
	kv_add_u64(b, "max",
		w->now.is_file ? 0
		: w->rule.max  ? w->rule.max
			       : watch_rule_max(w->rule.start));
	if (free != UINT64_MAX)
		kv_add_u64(b, "free", free);
	kv_add_bool(b, "is_file", w->now.is_file);
	kv_add_bool(b, "is_dirty", w->now.is_dirty);
}

/* An event that is about to be sent; beside these the record has what is known of the disk. */
struct watch_event {
	const char *name, *why, *message;
	uint64_t previous; /* 0: none */
	enum status status;
};

static int send_event(const struct watching *w, struct session *s, const struct watch_event *e)
{
	struct buf b = BUF_INIT;
	int r;

	kv_add(&b, "event", e->name);
	kv_add_u64(&b, "disk", w->number);
	add_time_of_day(&b);
	if (*w->now.path)
		add_numbers(w, &b);
	if (e->previous)
		kv_add_u64(&b, "previous", e->previous);
	kv_add(&b, "why", e->why);
	kv_add(&b, "message", e->message);
	kv_add_u64(&b, "status", (uint64_t)e->status);
	r = op_record(s, &b);
	buf_fini(&b);
	return r;
}

/* Tells of an error that is recorded, once as long as it is the same. */
static int tell_error(struct watching *w, struct session *s, const char *event)
{
	struct watch_event e = { .name = event, .why = "failed", .status = err_status() };
	char text[WATCHING_REASON_MAX];

	snprintf(text, sizeof(text), "%s", err_text());
	err_clear();
	if (strcmp(text, w->reason) == 0)
		return 0;
	memcpy(w->reason, text, sizeof(text));
	e.message = text;
	return send_event(w, s, &e);
}

static enum status alarm_status(enum watch_why why)
{
	switch (why) {
	case WATCH_NO_SPACE:
		return ST_NOROOM;
	case WATCH_NO_CAPACITY:
	case WATCH_SUSPECT:
		return ST_CORRUPT;
	default:
		return ST_NEAR;
	}
}

/* What happened, and what helps. */
static void explain_alarm(const struct watching *w, enum watch_why why, char *out, size_t size)
{
	char a[SIZE_HUMAN], b[SIZE_HUMAN];

	switch (why) {
	case WATCH_AT_MAX:
		snprintf(out, size,
			"has its largest size, %s: it is not extended further (see --max; a disk "
			"that outgrows its capacity is fragmented by discards: discard-no-unref "
			"of QEMU avoids that, and a copy by img-copy --flatten is small again)",
			size_human(w->now.physical, a));
		break;
	case WATCH_NO_SPACE:
		snprintf(out, size,
			"cannot be extended: group '%s' has %s free, of which %s must stay (see "
			"--min-free and vgextend)",
			w->group, size_human(w->free, a), size_human(w->rule.min_free, b));
		break;
	case WATCH_SUSPECT:
		snprintf(out, size,
			"is not extended: it uses %s of %s, more than its next size would have "
			"(see img-verify)",
			size_human(w->now.allocation, a), size_human(w->now.physical, b));
		break;
	case WATCH_NO_CAPACITY:
		snprintf(out, size,
			"is not extended: its capacity is 0, so no size can be computed from it");
		break;
	default:
		snprintf(out, size, "is not extended: it is not a logical volume");
	}
}

static int tell_alarm(struct watching *w, struct session *s, enum watch_why why)
{
	char text[WATCHING_REASON_MAX];
	const struct watch_event e = { .name = "alarm",
		.why = watch_rule_word(why),
		.message = text,
		.status = alarm_status(why) };

	w->state = WATCHING_ALARM;
	w->not_before_ms = io_now_ms() + WATCHING_AGAIN_MS;
	explain_alarm(w, why, text, sizeof(text));
	if (strcmp(text, w->reason) == 0)
		return 0;
	memcpy(w->reason, text, sizeof(text));
	return send_event(w, s, &e);
}

/* It could not be extended: the reason is recorded. */
static int tell_failed_extension(struct watching *w, struct session *s)
{
	w->state = WATCHING_ALARM;
	w->not_before_ms = io_now_ms() + WATCHING_AGAIN_MS;
	return tell_error(w, s, "alarm");
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
	struct watched_numbers n;
	bool has_lock = !w->dry_run && !(w->once && !w->rule.extends);

	if (watched_measure(&w->disk, &n) < 0)
		return -1;
	if (has_lock && watching_take_lock(w, n.identity) < 0)
		return -1;
	if (strcmp(n.identity, w->now.identity) != 0)
		w->rate = (struct growth_rate){ 0 };
	w->now = n;
	growth_rate_update(&w->rate, n.allocation, io_now_ms());
	if (!w->rule.start)
		w->rule.start = n.capacity;
	if (n.is_dirty && !w->was_told_of_dirt)
		log_warn("%s: the qcow2 image was not closed by its last user, or has lazy "
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

/* It is due. */
static int watching_act(struct watching *w, struct session *s)
{
	struct watch_event e = { .name = "extended", .previous = w->now.physical };
	struct watch_decision d = { .why = WATCH_FINE };
	uint64_t size = 0;
	int r;

	if (w->state == WATCHING_ALARM && io_now_ms() < w->not_before_ms)
		return 0;
	r = watching_extend_alone(w, &d, &size);
	if (r < 0)
		return tell_failed_extension(w, s);
	if (r > 0)
		return tell_alarm(w, s, d.why);
	w->now.physical = size;
	w->state = WATCHING_ARMED;
	w->reason[0] = '\0';
	return send_event(w, s, &e);
}

static int tell_near(struct watching *w, struct session *s)
{
	const struct watch_event e = { .name = "near", .status = ST_NEAR };

	if (w->state == WATCHING_NEAR)
		return 0;
	w->state = WATCHING_NEAR;
	return send_event(w, s, &e);
}

static int tell_armed(struct watching *w, struct session *s)
{
	const struct watch_event e = { .name = w->once ? "enough" : "armed" };

	if (w->state == WATCHING_ARMED)
		return 0;
	w->state = WATCHING_ARMED;
	w->reason[0] = '\0';
	return send_event(w, s, &e);
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
	if (!is_new)
		w->state = WATCHING_LOST;
	if (is_told) {
		snprintf(w->reason, sizeof(w->reason), "%s", err_text());
		err_clear();
		return 1;
	}
	w->reason[0] = '\0';
	return tell_error(w, s, is_new ? "failed" : "lost") < 0 ? -1 : 1;
}

int watching_round(struct watching *w, struct session *s)
{
	bool is_new = w->state == WATCHING_NEW;
	struct watch_state state;
	struct watch_rule rule;

	if (watching_measure(w) < 0)
		return watching_lose(w, s);
	w->is_doubtful = false;
	state = watching_state(w);
	rule = w->rule;
	rule.extends = rule.extends && !w->now.is_file;
	if (!watch_rule_is_due(&state, &rule))
		return tell_armed(w, s);
	/* What begins near its end is watched, too, and what was lost is found again. */
	if (!w->once && (is_new || w->state == WATCHING_LOST) && tell_armed(w, s) < 0)
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
	if (w->rate.rate <= 0 || w->state != WATCHING_ARMED)
		return WATCHING_POLL_MS;
	left = threshold > s.used ? threshold - s.used : 0;
	ms = (double)left / w->rate.rate / 4;
	return ms > WATCHING_POLL_MS	   ? WATCHING_POLL_MS
	       : ms < WATCHING_POLL_MIN_MS ? WATCHING_POLL_MIN_MS
					   : (int)ms;
}
