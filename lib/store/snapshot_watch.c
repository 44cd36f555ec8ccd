/*
 * snapshot_watch: the kernel is asked ten times a second how full a thick
 * snapshot is, which costs nothing; LVM is run only to extend it, early enough
 * for the rate at which it fills.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/lvm/dm.h"
#include "lib/store/group.h"
#include "lib/store/snapshot.h"

#define LOOK_MS 100
#define FULL_ENOUGH 0.5	  /* extended at the latest, */
#define AHEAD_MS 5000	  /* or if it would be full so soon */
#define TRY_AGAIN_MS 5000 /* after there was no room */

struct snapshot_watch {
	struct volume_name volume;
	dev_t dev;
	bool autoextend;
	uint64_t origin_len;
	int quit; /* eventfd */
	pthread_t thread;
	bool started;
	_Atomic bool spoiled;
	/* the thread's own */
	double last_used;
	int64_t last_ms, no_room_ms;
	bool has_warned;
};

static int extend(struct snapshot_watch *w)
{
	char what[VOLUME_PATH_MAX], more[32];
	const char *argv[] = { "lvextend", "-qq", "-L", more, what, NULL };
	struct lvm_volume v;
	struct err e;
	uint64_t by;

	if (lvm_volume(&v, w->volume.group, w->volume.name) < 0)
		return -1;
	by = v.size < v.group_free ? v.size : v.group_free; /* as large again, or what there is */
	lvm_volume_fini(&v);
	if (by == 0)
		return err_set(ST_NOROOM, "group '%s' has no room left", w->volume.group);
	snprintf(what, sizeof(what), "%s/%s", w->volume.group, w->volume.name);
	snprintf(more, sizeof(more), "+%llub", (unsigned long long)by);
	if (lvm_change(argv) < 0) {
		err_take(&e);
		group_mend(w->volume.group, false, NULL, NULL);
		err_put(&e);
		return -1;
	}
	log_info("snapshot '%s' got %llu bytes more", w->volume.name, (unsigned long long)by);
	return 0;
}

static bool is_due(struct snapshot_watch *w, double used, int64_t now)
{
	double rate = 0;

	if (w->last_ms && now > w->last_ms && used > w->last_used)
		rate = (used - w->last_used) / (double)(now - w->last_ms);
	w->last_used = used;
	w->last_ms = now;
	return used > FULL_ENOUGH || used + rate * AHEAD_MS >= 1;
}

/* -1: there is nothing to watch any more. */
static int look(struct snapshot_watch *w)
{
	int64_t now = io_now_ms();
	struct dm_fill fill;

	if (dm_snapshot_fill(w->dev, &fill) < 0)
		return -1;
	if (fill.invalid) {
		atomic_store(&w->spoiled, true);
		return -1;
	}
	if (!is_due(w, fill.used, now) || !w->autoextend || now < w->no_room_ms ||
		!dm_snapshot_may_overflow(&fill, w->origin_len))
		return 0;
	if (extend(w) == 0) {
		w->last_ms = 0;
		return 0;
	}
	if (!w->has_warned)
		log_warn("warning: snapshot '%s' fills up and cannot be extended: %s",
			w->volume.name, err_text());
	w->has_warned = true;
	w->no_room_ms = io_now_ms() + TRY_AGAIN_MS;
	err_clear();
	return 0;
}

static void *watch(void *arg)
{
	struct snapshot_watch *w = arg;
	struct pollfd p = { w->quit, POLLIN, 0 };

	while (look(w) == 0 && poll(&p, 1, LOOK_MS) <= 0)
		;
	err_clear();
	return NULL;
}

struct snapshot_watch *snapshot_watch_start(
	const struct volume_name *volume, dev_t dev, uint64_t origin_len, bool autoextend)
{
	struct snapshot_watch *w = calloc(1, sizeof(*w));
	int sys;

	if (!w) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	w->volume = *volume;
	w->dev = dev;
	w->origin_len = origin_len;
	w->autoextend = autoextend;
	w->quit = eventfd(0, EFD_CLOEXEC);
	if (w->quit < 0) {
		err_sys("cannot watch the snapshot");
		free(w);
		return NULL;
	}
	sys = pthread_create(&w->thread, NULL, watch, w);
	if (sys == 0)
		return w;
	err_set(ST_FAILED, "cannot start a thread: %s", strerror(sys));
	close(w->quit);
	free(w);
	return NULL;
}

bool snapshot_watch_is_spoiled(const struct snapshot_watch *w)
{
	return atomic_load(&w->spoiled);
}

void snapshot_watch_end(struct snapshot_watch *w)
{
	uint64_t one = 1;

	if (!w)
		return;
	if (write(w->quit, &one, sizeof(one)) < 0)
		abort(); /* an eventfd that holds less than its maximum cannot fail */
	pthread_join(w->thread, NULL);
	close(w->quit);
	free(w);
}
