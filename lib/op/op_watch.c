/*
 * watch: watches the disks of this host that a request names, until the client ends it; with once
 * it looks at each of them once.
 *	RECORD  an event of a disk (watching.h)
 *	RECORD  event=round: in this round all disks that are not lost were measured.  At most one a
 *		second; disks, their number, and lost, how many cannot be measured
 *	OK      with once or dry_run; or at the start, if a disk cannot be watched (failed=1)
 *
 * It polls: LVM is asked only when a disk is near its end.  If no disk could be measured for
 * LOST_MS, the operation fails with the last error.
 */
#include <poll.h>
#include <stdlib.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
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
	bool once;
	int64_t measured_ms, told_ms; /* of the last round */
};

static int watch_open(struct watch *w, struct session *s, const struct kv *request)
{
	uint64_t chunk = op_u64(request, "extend", 0);
	struct watching_want want = { .once = w->once, .dry_run = op_flag(request, "dry_run") };
	const char *path;
	size_t at = 0;

	want.rule = (struct watch_rule){ .extends = chunk > 0,
		.chunk = chunk ? chunk : WATCH_RULE_CHUNK,
		.max = op_u64(request, "max", 0),
		.min_free = op_u64(request, "min_free", 0),
		.ahead_ms = w->once ? 0 : AHEAD_MS };
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
}

static int tell_round(struct watch *w)
{
	struct buf b = BUF_INIT;
	int r;

	if (w->lost == w->count || (w->told_ms && io_now_ms() - w->told_ms < ROUND_MS))
		return 0;
	kv_add(&b, "event", "round");
	kv_add_u64(&b, "disks", w->count);
	kv_add_u64(&b, "lost", w->lost);
	r = op_record(w->session, &b);
	buf_fini(&b);
	w->told_ms = io_now_ms();
	return r;
}

/* Each disk once. */
static int watch_round(struct watch *w)
{
	size_t i;
	int r;

	w->lost = 0;
	for (i = 0; i < w->count && !cancel_is_set(); i++) {
		r = watching_round(&w->disk[i], w->session);
		if (r < 0)
			return -1;
		w->lost += r > 0;
	}
	return 0;
}

/* Until the next round; -1 recorded: there is no next one. */
static int watch_wait(const struct watch *w)
{
	struct pollfd p = { cancel_fd(), POLLIN, 0 };
	int ms = WATCHING_POLL_MS, pause;
	size_t i;

	for (i = 0; i < w->count; i++) {
		pause = watching_pause(&w->disk[i]);
		ms = pause < ms ? pause : ms;
	}
	poll(&p, 1, ms);
	return cancel_is_set() ? err_set(ST_FAILED, "interrupted") : 0;
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
