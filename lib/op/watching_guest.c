/*
 * watching_guest: see watching_guest.h.
 */
#include "lib/op/watching_guest.h"

#include <stdio.h>

#include "lib/base/io.h"
#include "lib/op/watching.h"

#define REOPEN_MS 1000	 /* before the next attempt if QEMU has ended, */
#define BLOCKED_MS 10000 /* and if it does not let us in */

static int wrap_error(const struct watching_guest *g)
{
	return g->watch.socket ? err_wrap("QMP socket '%s'", g->watch.socket)
			       : err_wrap("guest '%s'", g->watch.domain);
}

/* Remembers the recorded error. */
static void remember_error(struct watching_guest *g)
{
	g->status = err_status();
	g->not_before_ms =
		io_now_ms() +
		(g->status == ST_BUSY || g->status == ST_REFUSED ? BLOCKED_MS : REOPEN_MS);
	wrap_error(g);
	snprintf(g->reason, sizeof(g->reason), "%s", err_text());
	err_clear();
}

int watching_guest_open(struct watching_guest *g)
{
	if (guest_watch_open(&g->watch) < 0)
		return wrap_error(g);
	g->opened_ms = io_now_ms();
	return 0;
}

bool watching_guest_reopen(struct watching_guest *g)
{
	if (g->watch.is_open || io_now_ms() < g->not_before_ms)
		return g->watch.is_open;
	if (guest_watch_open(&g->watch) < 0)
		remember_error(g);
	else
		g->opened_ms = io_now_ms();
	return g->watch.is_open;
}

bool watching_guest_take(struct watching_guest *g)
{
	int r = guest_watch_take(&g->watch);

	if (r < 0) {
		remember_error(g);
		g->status = ST_ABSENT;
	}
	return r != 0;
}

bool watching_guest_is_well(const struct watching_guest *g)
{
	/* While it has a block job, or another client, its disks are measured. */
	return g->watch.is_open || g->status == ST_ABSENT || g->status == ST_BUSY;
}

void watching_guest_close(struct watching_guest *g)
{
	guest_watch_close(&g->watch);
}

/*
 * What QEMU has written counts as allocated, beside what was measured.  Of a file, that is what it
 * takes of its storage.
 */
static void add_written(struct watching *w, const struct live_disk *disk, uint64_t measured)
{
	uint64_t end = guest_watch_end(disk);

	w->now.allocation = !w->now.is_file && end > measured ? end : measured;
}

/* Asks the guest how far it has written.  0, or -1 recorded. */
static int ask_guest(struct watching *w)
{
	struct guest_watch *g = &w->guest->watch;

	if (guest_watch_look(g) == 0)
		return 0;
	if (g->is_open)
		return -1;
	remember_error(w->guest);
	return err_set(w->guest->status, "%s", w->guest->reason);
}

/* The guest's disk, with what it has written to it; NULL recorded. */
static const struct live_disk *find_disk(struct watching *w, uint64_t measured)
{
	const struct live_disk *disk = guest_watch_find(&w->guest->watch, &w->now.st);

	if (disk) {
		add_written(w, disk, measured);
		return disk;
	}
	w->guest->watch.is_stale = true;
	err_set(ST_REFUSED, "is not open in the guest");
	return NULL;
}

static bool is_near(const struct watching *w)
{
	const struct watch_state s = watched_state(&w->now);

	return watch_rule_is_near(&s, &w->rule);
}

/* The offset in the file or device, beyond which a write is to be told. */
static uint64_t offset_of_threshold(const struct watching *w)
{
	const struct watch_state s = watched_state(&w->now);

	return w->now.is_file ? w->now.physical + (w->now.free - w->rule.reserve)
			      : watch_rule_threshold(&s, &w->rule);
}

/* The disk as it is in the guest now; NULL recorded. */
static const struct live_disk *ask_for_disk(struct watching *w)
{
	const struct live_disk *disk;

	if (ask_guest(w) < 0)
		return NULL;
	disk = guest_watch_find(&w->guest->watch, &w->now.st);
	if (!disk)
		err_set(ST_FAILED, "is not open in the guest any more");
	return disk;
}

static int set_threshold(struct watching *w, const struct live_disk *disk, uint64_t offset)
{
	struct guest_watch *g = &w->guest->watch;

	if (guest_watch_set(g, disk, offset) == 0)
		return 0;
	if (g->is_open)
		return -1;
	remember_error(w->guest);
	return err_set(w->guest->status, "%s", w->guest->reason);
}

/*
 * Libvirt can keep us waiting for as long as it has a job, such as a migration, so what it says is
 * set is not set again.  By QMP it is: to ask for what is set is to list all nodes.
 */
static int arm_disk(struct watching *w)
{
	const uint64_t offset = offset_of_threshold(w);
	const struct live_disk *disk = ask_for_disk(w);

	if (disk && (w->guest->watch.socket || disk->threshold != offset)) {
		if (set_threshold(w, disk, offset) < 0)
			return -1;
		disk = ask_for_disk(w);
	}
	if (!disk)
		return -1;
	add_written(w, disk, w->now.allocation);
	w->is_armed = true;
	return 0;
}

int watching_guest_arm(struct watching *w)
{
	const uint64_t measured = w->now.allocation;
	const struct live_disk *disk;

	w->is_armed = false;
	if (!w->guest->watch.is_open)
		return err_set(w->guest->status, "%s", w->guest->reason);
	/* The disks may have other nodes than before. */
	if (w->guest->watch.is_stale && ask_guest(w) < 0)
		return -1;
	disk = find_disk(w, measured);
	/* Of a disk that is near its end no threshold is set, so QEMU does not tell of it. */
	if (disk && !w->once && is_near(w)) {
		if (ask_guest(w) < 0)
			return -1;
		disk = find_disk(w, measured);
	}
	if (!disk || (!w->once && !is_near(w) && arm_disk(w) < 0))
		return -1;
	w->needs_arm = false;
	return 0;
}

bool watching_guest_has_fired(const struct watching *w)
{
	const struct live_disk *disk = guest_watch_find(&w->guest->watch, &w->now.st);
	const struct watch_state s = watched_state(&w->now);

	return disk && !w->now.is_file && disk->passed > watch_rule_threshold(&s, &w->rule);
}

bool watching_guest_has_space(const struct watching *w, const struct stat *st)
{
	return w->has_grown && identity_is_same(&w->now.st, st) &&
	       w->now.allocation < w->now.physical;
}
