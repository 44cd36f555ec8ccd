/*
 * volume_watch: asks the kernel ten times a second how full the snapshot is, which is
 * cheap.  LVM is run only to extend it, early enough for the rate at which it fills
 * (growth.h decides).
 */
#include "lib/store/volume/volume_watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/lvm/dm.h"
#include "lib/lvm/repair.h"
#include "lib/store/growth.h"

#define LOOK_MS 100
#define AHEAD_MS 5000	  /* extend it if it will be full within this time */
#define TRY_AGAIN_MS 5000 /* after it could not be extended */

struct volume_watch {
	struct volume_name name;
	dev_t dev;
	bool autoextend;
	uint64_t origin_len;
	int quit; /* eventfd */
	pthread_t thread;
	atomic_bool spoiled;
	/* used by the thread only */
	struct growth_rate rate;
	int64_t not_before_ms;
	bool has_warned;	  /* that it cannot be extended */
	bool has_warned_of_usage; /* that it cannot be watched */
};

static int run_lvextend(const struct volume_name *name, uint64_t by)
{
	char what[VOLUME_PATH_MAX], more[32], human[SIZE_HUMAN];
	const char *argv[] = { "lvextend", "-qq", "-L", more, what, NULL };
	struct err e;

	snprintf(what, sizeof(what), "%s/%s", name->group, name->name);
	snprintf(more, sizeof(more), "+%llub", (unsigned long long)by);
	if (lvm_change(argv) < 0) {
		err_take(&e);
		repair_group(name->group, false, NULL, NULL);
		err_put(&e);
		return -1;
	}
	log_info("snapshot '%s' was extended by %s", name->name, size_human(by, human));
	return 0;
}

/* Doubles its size, or takes what the group has. */
static int extend_snapshot(const struct volume_watch *w, struct growth_state *state)
{
	struct growth_rule rule = { .ahead_ms = AHEAD_MS };
	struct growth_decision decision;
	struct lvm_volume v;

	if (lvm_volume(&v, w->name.group, w->name.name) < 0)
		return -1;
	state->free = v.group_free;
	rule.step = v.size;
	rule.reserve = state->size / 2;
	lvm_volume_fini(&v);
	decision = growth_decide(state, &rule);
	if (decision.verdict == GROWTH_NO_SPACE)
		return err_set(ST_NOROOM, "group '%s' has no free space", w->name.group);
	return run_lvextend(&w->name, decision.by);
}

static void warn_once(struct volume_watch *w)
{
	if (!w->has_warned)
		log_warn("warning: snapshot '%s' fills up and cannot be extended: %s", w->name.name,
			err_text());
	w->has_warned = true;
	w->not_before_ms = io_now_ms() + TRY_AGAIN_MS;
	err_clear();
}

/* The kernel did not tell how full it is.  0: go on; -1: the device is gone. */
static int explain_unknown_usage(struct volume_watch *w)
{
	bool is_gone = err_errno() == ENXIO;

	if (!is_gone && !w->has_warned_of_usage) {
		log_warn("warning: cannot watch how full snapshot '%s' is: %s", w->name.name,
			err_text());
		w->has_warned_of_usage = true;
	}
	err_clear();
	return is_gone ? -1 : 0;
}

/* One round.  0: go on; -1: the snapshot is invalid or removed. */
static int watch_round(struct volume_watch *w)
{
	struct growth_rule rule = { .ahead_ms = AHEAD_MS };
	struct growth_state state = { .free = 0 };
	int64_t now = io_now_ms();
	struct dm_usage usage;

	if (dm_snapshot_usage(w->dev, &usage) < 0)
		return explain_unknown_usage(w);
	if (usage.invalid) {
		atomic_store(&w->spoiled, true);
		return -1;
	}
	state.size = usage.space;
	state.used = (uint64_t)(usage.used * (double)usage.space);
	growth_rate_update(&w->rate, state.used, now);
	state.rate = w->rate.rate;
	rule.reserve = state.size / 2;
	if (!growth_is_due(&state, &rule) || !w->autoextend || now < w->not_before_ms ||
		!dm_snapshot_may_overflow(&usage, w->origin_len))
		return 0;
	if (extend_snapshot(w, &state) < 0)
		warn_once(w);
	else
		w->rate.at_ms = 0;
	return 0;
}

static void *watch_until_quit(void *arg)
{
	struct volume_watch *w = arg;
	struct pollfd p = { w->quit, POLLIN, 0 };

	while (watch_round(w) == 0 && poll(&p, 1, LOOK_MS) <= 0)
		;
	err_clear();
	return NULL;
}

struct volume_watch *volume_watch_start(
	const struct volume_name *name, dev_t dev, uint64_t origin_len, bool autoextend)
{
	struct volume_watch *w = calloc(1, sizeof(*w));
	int sys;

	if (!w) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	w->name = *name;
	w->dev = dev;
	w->origin_len = origin_len;
	w->autoextend = autoextend;
	w->quit = eventfd(0, EFD_CLOEXEC);
	if (w->quit < 0) {
		err_sys("cannot watch the snapshot");
		free(w);
		return NULL;
	}
	sys = pthread_create(&w->thread, NULL, watch_until_quit, w);
	if (sys == 0)
		return w;
	err_set(ST_FAILED, "cannot start a thread: %s", strerror(sys));
	close(w->quit);
	free(w);
	return NULL;
}

const atomic_bool *volume_watch_spoiled(const struct volume_watch *w)
{
	return &w->spoiled;
}

void volume_watch_end(struct volume_watch *w)
{
	uint64_t one = 1;

	if (!w)
		return;
	if (write(w->quit, &one, sizeof(one)) < 0)
		abort(); /* cannot fail, since the eventfd is far below its maximum */
	pthread_join(w->thread, NULL);
	close(w->quit);
	free(w);
}
