/*
 * commit_virsh: layers are found by the file or device that they are, among those that libvirt
 * lists, and then named by the disk and an index: "vda[2]".
 *
 * libvirt says nothing of a job that has ended.  A commit of the active layer has succeeded if BASE
 * is what the guest uses then; that of another layer, if CHILD stands on BASE (commit_live.c).
 */
#include "lib/op/commit_virsh.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/host/domstats.h"
#include "lib/host/virsh_job.h"
#include "lib/op/op.h"

#define ASK_MS 1000 /* virsh is run no more often than this */

struct commit_virsh {
	struct commit_guest guest;
	const char *domain;
	char *disk;	  /* such as "vda"; owned */
	char *top, *base; /* such as "vda[1]"; owned; NULL: look() was not called */
	bool used_base;	  /* at the start, and not IMAGE */
	bool was_asked;	  /* for the job */
	bool has_job;	  /* it was seen, or started */
};

static struct commit_virsh *virsh_of(struct commit_guest *g)
{
	return (struct commit_virsh *)g;
}

static int list_disks(const struct commit_virsh *v, struct live *out)
{
	return domstats_list(v->domain, v->guest.policy, out);
}

/* libvirt does not ask for the active layer by its name, and would commit another one. */
static int check_image_is_active(
	const struct commit_virsh *v, const struct live *l, const struct commit *c)
{
	const struct live_disk *disk = live_find(l, &commit_layer(c, 0).img->st);

	if (!disk || !disk->is_lower)
		return 0;
	return err_set(ST_REFUSED,
		"its disk '%s' has another layer above this one: name the uppermost", v->disk);
}

/* Of a layer; NULL: the guest does not have it open. */
static const char *node_of(const struct live *l, const struct commit *c, unsigned depth)
{
	const struct live_disk *disk = live_find(l, &commit_layer(c, depth).img->st);

	return disk ? disk->node : NULL;
}

static int copy_text(char **out, const char *text, size_t len)
{
	free(*out);
	*out = strndup(text, len);
	return *out ? 0 : err_set(ST_FAILED, "out of memory");
}

static int set_disk(struct commit_virsh *v, const char *node)
{
	return copy_text(&v->disk, node, strcspn(node, "["));
}

/* Which disk it is, also if the guest uses BASE already. */
static int find_disk(struct commit_virsh *v, const struct commit *c, bool *uses_base)
{
	struct live live = LIVE_INIT;
	const char *image, *base;
	int r = list_disks(v, &live);

	image = r == 0 ? node_of(&live, c, 0) : NULL;
	base = r == 0 ? node_of(&live, c, c->base) : NULL;
	*uses_base = !image && base;
	if (image || base)
		r = set_disk(v, image ? image : base);
	if (r == 0 && image)
		r = check_image_is_active(v, &live, c);
	live_fini(&live);
	return r;
}

/* After the job of an active layer: whether it has succeeded. */
static int find_ended(struct commit_virsh *v, const struct commit *c, struct qmp_job *job)
{
	bool uses_base;

	*job = (struct qmp_job){ .has_ended = true };
	if (!c->is_active)
		return 1;
	if (find_disk(v, c, &uses_base) < 0)
		return -1;
	if (!uses_base)
		strcpy(job->error, "libvirt does not say why");
	return 1;
}

/* A job that runs at the start is ours if BASE has the mark. */
static int find_libvirt_job(struct commit_guest *g, const struct commit *c, struct qmp_job *job)
{
	struct commit_virsh *v = virsh_of(g);
	bool is_first = !v->was_asked;
	struct virsh_job now;
	int r = virsh_job_find(v->domain, v->disk, &now);

	if (r < 0)
		return -1;
	v->was_asked = true;
	if (r > 0 && is_first && (!now.is_commit || !c->was_begun))
		return err_set(
			ST_BUSY, "a block job is running on disk '%s' of the guest", v->disk);
	if (r == 0 && v->has_job)
		return find_ended(v, c, job);
	if (r == 0 && v->used_base && c->is_active)
		return err_set(ST_REFUSED, "uses '%s' already", commit_path(c, c->base));
	if (r == 0)
		return 0;
	v->has_job = true;
	*job = (struct qmp_job){ .done = now.done, .total = now.total, .is_ready = now.is_ready };
	return 1;
}

static int look_at_libvirt_layers(
	struct commit_virsh *v, const struct commit *c, const struct live *live)
{
	const char *node;
	unsigned i;

	for (i = 0; i <= c->base; i++) {
		node = node_of(live, c, i);
		if (!node || strcspn(node, "[") != strlen(v->disk) ||
			strncmp(node, v->disk, strlen(v->disk)) != 0) {
			err_set(ST_REFUSED, "the guest does not have it open");
			return i ? err_wrap("layer '%s'", commit_path(c, i)) : -1;
		}
		if ((i == c->top && copy_text(&v->top, node, strlen(node)) < 0) ||
			(i == c->base && copy_text(&v->base, node, strlen(node)) < 0))
			return -1;
	}
	return 0;
}

static int look_in_libvirt(struct commit_guest *g, const struct commit *c)
{
	struct commit_virsh *v = virsh_of(g);
	struct live live = LIVE_INIT;
	int r = list_disks(v, &live);

	if (r == 0)
		r = look_at_libvirt_layers(v, c, &live);
	live_fini(&live);
	return r;
}

static int start_libvirt_job(struct commit_guest *g, const struct commit *c)
{
	struct commit_virsh *v = virsh_of(g);
	bool is_relative = !c->is_active && c->backing[0] != '/';

	if (virsh_job_commit(
		    v->domain, v->disk, c->is_active ? NULL : v->top, v->base, is_relative) < 0)
		return -1;
	v->has_job = true;
	return 0;
}

static int find_libvirt_end(struct commit_guest *g, const struct commit *c, uint64_t *end)
{
	struct live live = LIVE_INIT;
	const struct live_disk *disk;
	int r = list_disks(virsh_of(g), &live);

	disk = r == 0 ? live_find(&live, &commit_layer(c, c->base).img->st) : NULL;
	*end = disk ? disk->end : UINT64_MAX;
	live_fini(&live);
	return r;
}

static int complete_libvirt_job(struct commit_guest *g, const struct commit *c)
{
	(void)c;
	return virsh_job_pivot(virsh_of(g)->domain, virsh_of(g)->disk);
}

/* libvirt lets a job fail that has no space, and forgets what has ended. */
static int do_nothing(struct commit_guest *g, const struct commit *c)
{
	(void)g;
	(void)c;
	return 0;
}

/* libvirt closes layers itself. */
static int release_in_libvirt(struct commit_guest *g, const char *path)
{
	(void)g;
	(void)path;
	return 0;
}

static int wait_for_libvirt(struct commit_guest *g, int ms)
{
	struct pollfd p = { .fd = cancel_fd(), .events = POLLIN };

	(void)g;
	poll(&p, 1, ms < ASK_MS ? ASK_MS : ms);
	return cancel_is_set() ? err_set(ST_FAILED, "cancelled") : 0;
}

static void close_libvirt(struct commit_guest *g)
{
	struct commit_virsh *v = virsh_of(g);

	free(v->disk);
	free(v->top);
	free(v->base);
	free(v);
}

static const struct commit_guest_ops ops = {
	.find = find_libvirt_job,
	.look = look_in_libvirt,
	.start = start_libvirt_job,
	.end = find_libvirt_end,
	.complete = complete_libvirt_job,
	.resume = do_nothing,
	.dismiss = do_nothing,
	.release = release_in_libvirt,
	.wait = wait_for_libvirt,
	.close = close_libvirt,
};

struct commit_guest *commit_virsh_open(struct commit *c, const char *domain)
{
	struct commit_virsh *v = calloc(1, sizeof(*v));
	int r;

	if (!v) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	v->guest.ops = &ops;
	v->guest.policy = &c->session->policy;
	v->domain = domain;
	r = find_disk(v, c, &v->used_base);
	if (r == 0 && !v->disk)
		r = err_set(ST_REFUSED, "does not have it open");
	if (r == 0) {
		snprintf(c->job, sizeof(c->job), "%s", v->disk);
		return &v->guest;
	}
	close_libvirt(&v->guest);
	return NULL;
}
