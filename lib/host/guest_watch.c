/*
 * guest_watch: what both ways have in common.
 */
#include "lib/host/guest_watch.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/host/identity.h"

/*
 * Takes over what was told of the disks before, unless one was opened anew since then: QEMU counts
 * what it writes from 0 then.
 */
static void guest_watch_keep(struct live *now, const struct live *before)
{
	struct live_disk *disk;
	size_t i, k;

	for (i = 0; i < now->count; i++)
		for (k = 0; k < before->count; k++) {
			disk = &now->disk[i];
			if (disk->node && before->disk[k].node &&
				strcmp(disk->node, before->disk[k].node) == 0 &&
				identity_is_same(&disk->st, &before->disk[k].st) &&
				disk->end >= before->disk[k].end)
				disk->passed = before->disk[k].passed;
		}
}

/* Lists the disks again.  0, or -1 recorded. */
static int guest_watch_list(struct guest_watch *g)
{
	struct live now = LIVE_INIT;
	int r = g->socket ? guest_watch_qmp_list(g, &now) : guest_watch_virsh_list(g, &now);

	if (r < 0) {
		live_fini(&now);
		return -1;
	}
	guest_watch_keep(&now, &g->live);
	live_fini(&g->live);
	g->live = now;
	g->is_stale = false;
	return 0;
}

int guest_watch_open(struct guest_watch *g)
{
	int r = g->socket ? guest_watch_qmp_open(g) : guest_watch_virsh_open(g);

	if (r == 0)
		r = guest_watch_list(g);
	if (r < 0)
		guest_watch_close(g);
	g->is_open = r == 0;
	return r;
}

void guest_watch_close(struct guest_watch *g)
{
	qmp_close(g->qmp);
	g->qmp = NULL;
	if (g->domain)
		guest_watch_virsh_close(g);
	live_fini(&g->live);
	buf_fini(&g->line);
	g->is_open = g->is_stale = false;
}

int guest_watch_fd(const struct guest_watch *g)
{
	if (!g->is_open)
		return -1;
	return g->qmp ? qmp_fd(g->qmp) : g->events;
}

int guest_watch_take(struct guest_watch *g)
{
	int r = 0;

	if (g->is_open)
		r = g->qmp ? guest_watch_qmp_take(g) : guest_watch_virsh_take(g);
	if (r < 0)
		guest_watch_close(g);
	return r;
}

/* QEMU has refused something: then it is listed anew.  Else there was no answer.  Returns -1. */
static int guest_watch_failed(struct guest_watch *g)
{
	g->is_stale = true;
	if (g->qmp ? !*qmp_error_class(g->qmp) : err_status() == ST_ABSENT)
		guest_watch_close(g);
	return -1;
}

int guest_watch_look(struct guest_watch *g)
{
	if (!g->is_open)
		return err_set(ST_FAILED, "the guest cannot be asked");
	if (!g->qmp || g->is_stale) {
		if (guest_watch_list(g) == 0)
			return 0;
		/* While a block job runs, QEMU may only be asked for the disks that are known. */
		if (!g->qmp || err_status() != ST_BUSY)
			return guest_watch_failed(g);
		err_clear();
	}
	return guest_watch_qmp_update(g) < 0 ? guest_watch_failed(g) : 0;
}

const struct live_disk *guest_watch_find(const struct guest_watch *g, const struct stat *st)
{
	return live_find(&g->live, st);
}

uint64_t guest_watch_end(const struct live_disk *disk)
{
	return disk->end > disk->passed ? disk->end : disk->passed;
}

int guest_watch_set(struct guest_watch *g, const struct live_disk *disk, uint64_t threshold)
{
	int r;

	if (!g->is_open)
		return err_set(ST_FAILED, "the guest cannot be asked");
	r = g->qmp ? guest_watch_qmp_set(g, disk, threshold)
		   : guest_watch_virsh_set(g, disk, threshold);
	return r < 0 ? guest_watch_failed(g) : 0;
}

int guest_watch_resume(struct guest_watch *g, guest_watch_has_space *has_space, void *arg)
{
	if (!g->is_open)
		return 0;
	return g->qmp ? guest_watch_qmp_resume(g, has_space, arg)
		      : guest_watch_virsh_resume(g, has_space, arg);
}

void guest_watch_note(
	struct guest_watch *g, const char *node, uint64_t threshold, uint64_t exceeded)
{
	size_t i;

	if (threshold > SIZE_LIMIT || exceeded > SIZE_LIMIT - threshold)
		return;
	for (i = 0; i < g->live.count; i++)
		if (g->live.disk[i].node && strcmp(g->live.disk[i].node, node) == 0)
			g->live.disk[i].passed = threshold + exceeded;
}
