/*
 * watch: watches the disks of this host that a request names, until the client ends it; with once
 * it looks at each of them once.
 *	RECORD  an event of a disk (watching.h)
 *	RECORD  event=round: in this round all disks that are not lost were measured.  At most one a
 *		second; disks, their number, and lost, how many cannot be measured
 *	OK      with once or dry_run; or at the start, if a disk cannot be watched (failed=1)
 *
 * It polls, or with qmp or libvirt it lets the guest tell when a disk is near its end, and polls
 * slowly (watching_guest.h).  LVM is asked only when a disk is near its end.  If no disk could be
 * measured for LOST_MS, the operation fails with the last error.
 */
#include <poll.h>
#include <stdlib.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/op/op.h"
#include "lib/op/watching.h"

#define LOST_MS 60000
#define ROUND_MS 1000
#define AHEAD_MS 5000
#define DISKS_MAX 1024

struct watch {
	struct session *session;
	struct watching *disk;
	size_t count, lost;
	struct watching_guest guest;
	bool has_guest, once;
	int64_t measured_ms, told_ms; /* of the last round */
};

/* Connects to the guest, if the request names one.  0, or -1 recorded. */
static int watch_open_guest(struct watch *w, struct session *s, const struct kv *request)
{
	struct guest_watch *g = &w->guest.watch;

	g->socket = kv_get(request, "qmp");
	g->domain = kv_get(request, "libvirt");
	if (!g->socket && !g->domain)
		return 0;
	if (g->socket && g->domain)
		return err_set(ST_USAGE, "qmp and libvirt exclude each other");
	g->policy = &s->policy;
	g->owner = policy_owner_of(&s->policy, kv_get(request, "path"));
	w->has_guest = true;
	return watching_guest_open(&w->guest);
}

static int watch_open(struct watch *w, struct session *s, const struct kv *request)
{
	uint64_t chunk = op_u64(request, "extend", 0);
	struct watching_want want = { .once = w->once, .dry_run = op_flag(request, "dry_run") };
	const char *path;
	size_t at = 0;

	if (watch_open_guest(w, s, request) < 0)
		return -1;
	want.guest = w->has_guest ? &w->guest : NULL;
	want.rule = (struct watch_rule){ .extends = chunk > 0,
		.chunk = chunk ? chunk : WATCH_RULE_CHUNK,
		.max = op_u64(request, "max", 0),
		.min_free = op_u64(request, "min_free", 0),
		.ahead_ms = w->once || w->has_guest ? 0 : AHEAD_MS };
	want.rule.reserve = op_u64(request, "reserve", watch_rule_reserve(want.rule.chunk));
	w->session = s;
	w->disk = calloc(DISKS_MAX, sizeof(*w->disk));
	if (!w->disk)
		return err_set(ST_FAILED, "out of memory");
	while ((path = kv_each(request, "path", &at))) {
		if (w->count == DISKS_MAX)
			return err_set(ST_USAGE, "more than %d disks", DISKS_MAX);
		watching_init(&w->disk[w->count], w->count, path, &s->policy, &want);
		w->count++;
	}
	return 0;
}

static void watch_close(struct watch *w)
{
	size_t i;

	for (i = 0; i < w->count; i++)
		watching_fini(&w->disk[i]);
	free(w->disk);
	watching_guest_close(&w->guest);
}

static int tell_round(struct watch *w)
{
	struct buf b = BUF_INIT;
	int r;

	if (w->lost == w->count || (w->has_guest && !watching_guest_is_well(&w->guest)) ||
		(w->told_ms && io_now_ms() - w->told_ms < ROUND_MS))
		return 0;
	kv_add(&b, "event", "round");
	kv_add_u64(&b, "disks", w->count);
	kv_add_u64(&b, "lost", w->lost);
	r = op_record(w->session, &b);
	buf_fini(&b);
	w->told_ms = io_now_ms();
	return r;
}

/* Whether a disk has got space since the guest was let go on. */
static bool watch_has_space(void *arg, const struct stat *st)
{
	struct watch *w = arg;
	size_t i;

	for (i = 0; i < w->count; i++) {
		if (watching_guest_has_space(&w->disk[i], st)) {
			w->disk[i].was_full = true;
			return true;
		}
	}
	return false;
}

/* Lets the guest go on, if it was paused for space that there is now.  0, or -1 recorded. */
static int watch_resume(struct watch *w)
{
	bool has_grown = false;
	size_t i;
	int r;

	for (i = 0; w->has_guest && !w->once && i < w->count; i++) {
		has_grown |= w->disk[i].has_grown;
		w->disk[i].was_full = false;
	}
	if (!has_grown)
		return 0;
	r = guest_watch_resume(&w->guest.watch, watch_has_space, w);
	if (r < 0) {
		log_warn("warning: cannot find out whether the guest is paused: %s", err_text());
		err_clear();
	}
	for (i = 0; r > 0 && i < w->count; i++)
		if (watching_tell_resumed(&w->disk[i], w->session) < 0)
			return -1;
	return 0;
}

/* The disks of which the guest has told that they are near their ends.  0, or -1 recorded. */
static int watch_round_of_fired(struct watch *w, bool *has_fired)
{
	size_t i;

	*has_fired = false;
	for (i = 0; i < w->count && !cancel_is_set(); i++) {
		if (!watching_guest_has_fired(&w->disk[i]))
			continue;
		*has_fired = true;
		if (watching_round(&w->disk[i], w->session) < 0)
			return -1;
	}
	return *has_fired ? watch_resume(w) : 0;
}

/* Each disk once. */
static int watch_round(struct watch *w)
{
	size_t i;
	int r;

	w->lost = 0;
	if (w->has_guest)
		watching_guest_reopen(&w->guest);
	for (i = 0; i < w->count && !cancel_is_set(); i++) {
		r = watching_round(&w->disk[i], w->session);
		if (r < 0)
			return -1;
		w->lost += r > 0;
	}
	return watch_resume(w);
}

static int watch_pause(const struct watch *w)
{
	int ms = w->has_guest && w->guest.watch.is_open ? WATCHING_SLOW_MS : WATCHING_POLL_MS;
	int pause;
	size_t i;

	for (i = 0; i < w->count; i++) {
		pause = watching_pause(&w->disk[i]);
		ms = pause < ms ? pause : ms;
	}
	return ms;
}

/*
 * Until the next round, or until the guest tells something; what it tells is done.  It may have
 * arrived together with the answer to a command, so it is asked for before the wait.  -1 recorded:
 * there is no next round.
 */
static int watch_wait(struct watch *w)
{
	int64_t until = io_now_ms() + watch_pause(w), now, next;
	bool has_fired = true;

	while (has_fired && !cancel_is_set() && (now = io_now_ms()) < until) {
		struct pollfd p[] = { { cancel_fd(), POLLIN, 0 },
			{ w->has_guest ? guest_watch_fd(&w->guest.watch) : -1, POLLIN, 0 } };

		if (!w->has_guest || !watching_guest_take(&w->guest)) {
			poll(p, 2, (int)(until - now));
			continue;
		}
		if (watch_round_of_fired(w, &has_fired) < 0)
			return -1;
		next = io_now_ms() + watch_pause(w);
		until = next < until ? next : until;
	}
	return cancel_check();
}

static int check_lost(struct watch *w)
{
	if (w->lost < w->count)
		w->measured_ms = io_now_ms();
	else if (io_now_ms() - w->measured_ms > LOST_MS)
		return err_set(ST_FAILED, "no disk could be measured for %d s: %s", LOST_MS / 1000,
			w->disk[0].reason);
	return 0;
}

static int watch_all(struct watch *w, struct buf *reply)
{
	if (watch_round(w) < 0)
		return -1;
	kv_add_bool(reply, "failed", w->lost > 0);
	if (w->once || w->lost)
		return 0;
	w->measured_ms = io_now_ms();
	while (tell_round(w) == 0 && watch_wait(w) == 0 && watch_round(w) == 0)
		if (check_lost(w) < 0)
			break;
	return -1;
}

int op_watch(struct session *s, const struct kv *request, struct buf *reply)
{
	struct watch w = { .once = op_flag(request, "once") || op_flag(request, "dry_run") };
	int r = watch_open(&w, s, request);

	if (r == 0)
		r = watch_all(&w, reply);
	watch_close(&w);
	return r;
}
