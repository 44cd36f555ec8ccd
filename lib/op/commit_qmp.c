/*
 * commit_qmp: layers are found in QEMU by the file or device that they are, and then named by their
 * nodes, so that no path is compared.
 */
#include "lib/op/commit_qmp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/host/qmp_block.h"
#include "lib/host/qmp_node.h"
#include "lib/op/op.h"

struct commit_qmp {
	struct commit_guest guest;
	struct qmp *q;
	/* Names of nodes, owned; NULL: look() was not called. */
	char *root, *top, *base;
	char *disk;	     /* the lowest of BASE, whose writes QEMU counts */
	bool masks_protocol; /* BASE is open without a raw node */
};

static struct commit_qmp *qmp_of(struct commit_guest *g)
{
	return (struct commit_qmp *)g;
}

static int find_qemu_job(struct commit_guest *g, const struct commit *c, struct qmp_job *job)
{
	return qmp_job_find(qmp_of(g)->q, c->job, job);
}

/* QEMU's node for the file or device of a layer. */
static const char *disk_of(const struct live *l, const struct commit *c, unsigned depth)
{
	const struct live_disk *disk = live_find(l, &commit_layer(c, depth).img->st);

	if (disk)
		return disk->node;
	err_set(ST_REFUSED, "is not open in QEMU");
	return NULL;
}

/* The node of a layer that its children stand on.  0, or -1 recorded. */
static int find_node(const struct commit *c, const struct live *l, json_t *list, unsigned depth,
	const char **node)
{
	const char *disk = disk_of(l, c, depth);
	int r = disk ? qmp_node_above(list, disk, node) : -1;

	if (r == 0 && commit_layer(c, depth).qcow2)
		return err_set(ST_REFUSED, "is not open as qcow2 in QEMU");
	if (r == 0)
		*node = disk;
	return r < 0 ? -1 : 0;
}

static int copy_name(char **out, const char *name)
{
	free(*out);
	*out = strdup(name);
	return *out ? 0 : err_set(ST_FAILED, "out of memory");
}

/* The node that the guest uses: that of IMAGE, or the uppermost filter on it. */
static int find_root(struct commit_qmp *q, json_t *list, const char *node)
{
	const char *above;
	size_t left = json_array_size(list);
	int r = 1;

	for (; r > 0 && left; left--) {
		r = qmp_node_above(list, node, &above);
		if (r > 0)
			node = above;
	}
	return r < 0 ? -1 : copy_name(&q->root, node);
}

/* Until version 9.0, QEMU would record "file" as the format of a raw BASE without a raw node. */
static int check_base_format(struct commit_qmp *q, const struct commit *c)
{
	int can;

	if (strcmp(q->base, q->disk) != 0 || c->is_active)
		return 0;
	can = qmp_job_can_mask_protocol(q->q);
	q->masks_protocol = can > 0;
	if (can == 0)
		return err_set(ST_REFUSED,
			"is open in QEMU without a node of the format 'raw', so that QEMU before "
			"version 9.0 would record another format");
	return can < 0 ? -1 : 0;
}

static int find_base(
	struct commit_qmp *q, const struct commit *c, const struct live *l, json_t *list)
{
	const char *node, *disk = disk_of(l, c, c->base);

	if (!disk || copy_name(&q->disk, disk) < 0 || find_node(c, l, list, c->base, &node) < 0 ||
		copy_name(&q->base, node) < 0)
		return -1;
	return check_base_format(q, c);
}

static int look_at_layers(
	struct commit_qmp *q, const struct commit *c, const struct live *l, json_t *list)
{
	const char *node;
	unsigned i;
	int r;

	for (i = 0; i <= c->base; i++) {
		r = i < c->base ? find_node(c, l, list, i, &node) : find_base(q, c, l, list);
		if (r == 0 && i == 0)
			r = find_root(q, list, node);
		if (r == 0 && i == c->top)
			r = copy_name(&q->top, node);
		if (r < 0)
			return i ? err_wrap("layer '%s'", commit_path(c, i)) : -1;
	}
	return 0;
}

/* IMAGE stays open after the job if it was given to QEMU as a node of its own. */
static int is_root_used(struct commit_qmp *q, const struct commit *c, const struct live *l)
{
	const struct live_disk *disk = live_find(l, &commit_layer(c, 0).img->st);
	json_t *list;
	int r;

	if (!disk)
		return 0;
	list = qmp_node_list(q->q);
	r = list ? find_root(q, list, disk->node) : -1;
	json_decref(list);
	return r < 0 ? -1 : qmp_node_is_used(q->q, q->root);
}

static int uses_image_in_qemu(struct commit_guest *g, const struct commit *c)
{
	struct commit_qmp *q = qmp_of(g);
	struct live live = LIVE_INIT;
	int r = qmp_block_list(q->q, g->policy, &live);

	if (r == 0)
		r = is_root_used(q, c, &live);
	live_fini(&live);
	return r;
}

static int look_in_qemu(struct commit_guest *g, const struct commit *c)
{
	struct commit_qmp *q = qmp_of(g);
	struct live live = LIVE_INIT;
	json_t *list = NULL;
	int r = qmp_block_list(q->q, g->policy, &live);

	if (r == 0) {
		list = qmp_node_list(q->q);
		r = list ? look_at_layers(q, c, &live, list) : -1;
	}
	json_decref(list);
	live_fini(&live);
	return r;
}

static int start_qemu_job(struct commit_guest *g, const struct commit *c)
{
	struct commit_qmp *q = qmp_of(g);
	const struct qmp_job_commit job = { .id = c->job,
		.root = q->root,
		.top = c->is_active ? NULL : q->top,
		.base = q->base,
		.backing = c->is_active ? NULL : c->backing,
		.masks_protocol = q->masks_protocol };

	if (qmp_job_commit(q->q, &job) == 0)
		return 0;
	if (strstr(err_text(), "Need a root block node"))
		err_set(ST_REFUSED, "QEMU has another layer above this one: name the uppermost");
	return -1;
}

static int find_qemu_end(struct commit_guest *g, const struct commit *c, uint64_t *end)
{
	struct commit_qmp *q = qmp_of(g);
	json_t *list = q->disk ? qmp_node_list(q->q) : NULL;

	(void)c;
	*end = UINT64_MAX;
	if (!q->disk)
		return 0;
	if (!list)
		return -1;
	*end = qmp_node_end(list, q->disk);
	json_decref(list);
	return 0;
}

static int complete_qemu_job(struct commit_guest *g, const struct commit *c)
{
	return qmp_job_complete(qmp_of(g)->q, c->job);
}

static int resume_qemu_job(struct commit_guest *g, const struct commit *c)
{
	return qmp_job_resume(qmp_of(g)->q, c->job);
}

static int dismiss_qemu_job(struct commit_guest *g, const struct commit *c)
{
	return qmp_job_dismiss(qmp_of(g)->q, c->job);
}

/* Removes the node of the format first, as it needs the other. */
static int remove_nodes(struct commit_qmp *q, json_t *list, const char *disk)
{
	const char *node;
	int r = qmp_node_above(list, disk, &node);

	if (r < 0) {
		err_clear();
		return 0;
	}
	if (r > 0 && qmp_node_remove(q->q, node) < 0)
		return -1;
	return qmp_node_remove(q->q, disk);
}

static int release_in_qemu(struct commit_guest *g, const char *path)
{
	struct commit_qmp *q = qmp_of(g);
	struct live live = LIVE_INIT;
	const struct live_disk *disk;
	json_t *list = NULL;
	struct stat st;
	int node = policy_find(g->policy, path), r;

	r = node < 0 || fstat(node, &st) < 0;
	if (node >= 0)
		close(node);
	err_clear();
	if (r)
		return 0; /* an interrupted job has deleted it */
	r = qmp_block_list(q->q, g->policy, &live);
	disk = r == 0 ? live_find(&live, &st) : NULL;
	if (disk) {
		list = qmp_node_list(q->q);
		r = list ? remove_nodes(q, list, disk->node) : -1;
	}
	json_decref(list);
	live_fini(&live);
	return r;
}

static int wait_for_qemu(struct commit_guest *g, int ms)
{
	return qmp_job_wait(qmp_of(g)->q, ms);
}

static void close_qemu(struct commit_guest *g)
{
	struct commit_qmp *q = qmp_of(g);

	qmp_close(q->q);
	free(q->root);
	free(q->top);
	free(q->base);
	free(q->disk);
	free(q);
}

static const struct commit_guest_ops ops = {
	.find = find_qemu_job,
	.uses_image = uses_image_in_qemu,
	.look = look_in_qemu,
	.start = start_qemu_job,
	.end = find_qemu_end,
	.complete = complete_qemu_job,
	.resume = resume_qemu_job,
	.dismiss = dismiss_qemu_job,
	.release = release_in_qemu,
	.wait = wait_for_qemu,
	.close = close_qemu,
};

struct commit_guest *commit_qmp_open(const struct commit *c, const char *path)
{
	struct commit_qmp *q = calloc(1, sizeof(*q));

	if (!q) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	q->guest.ops = &ops;
	q->guest.policy = &c->session->policy;
	q->q = qmp_open(q->guest.policy, path, c->image->st.st_uid);
	if (q->q)
		return &q->guest;
	close_qemu(&q->guest);
	return NULL;
}
