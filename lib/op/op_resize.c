/*
 * resize: grows or cuts an image, and with fs its filesystem, too; resizefs: only its filesystem.
 *	OK  path; previous and size of the image, in bytes; filesystem, its type, and
 *	    filesystem_previous and filesystem_size, in bytes, if it is resized; step (each),
 *	    what is done, or would be in a dry run; smallest, the bytes that must stay, if that
 *	    is looked for and known; is_estimate=1: that is an estimate; of a qcow2
 *	    image also format, and capacity and physical, in bytes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "lib/format/content.h"
#include "lib/op/op.h"
#include "lib/op/resize_cut.h"
#include "lib/op/resize_qcow2.h"
#include "lib/op/resize_size.h"
#include "lib/op/resizing.h"
#include "lib/store/backend.h"
#include "lib/store/dependents.h"

static bool flag(const struct resizing *z, const char *key)
{
	return op_flag(z->request, key);
}

/* Refuses what records the size of an image in it. */
static int check_content(struct image *img, bool as_raw, bool fs_only)
{
	const struct content *c = as_raw ? NULL : image_content(img);

	if (as_raw)
		return 0;
	if (!c)
		return -1;
	if (*c->damaged)
		return err_set(ST_CORRUPT, "%s%s", c->damaged, fs_only ? "" : " (see --format)");
	if (c->is_archive)
		return err_set(ST_REFUSED, "is an lzop archive (see img-unarchive)");
	if (strcmp(c->format, "raw") == 0)
		return 0;
	if (fs_only)
		return err_set(ST_REFUSED,
			"holds a %s image, and only the filesystem in a raw image can be resized",
			c->format);
	return err_set(ST_REFUSED,
		"holds a %s image, whose size is recorded in it; only raw and qcow2 images "
		"can be resized (see --format)",
		c->format);
}

static int look_for_users(struct resizing *z)
{
	int r = resize_look_for_users(z->img, &z->in_use, z->who);

	if (r < 0 || z->in_use || !z->with_fs)
		return r;
	return image_hold(z->img); /* a write to it is detected in the end */
}

/* Refuses what is no size before all else, unless a job has left the image between two sizes. */
static int check_asked(struct resizing *z)
{
	const struct kv *q = z->request;

	if (z->fs_only)
		return 0;
	if (z->img->ops->is_unfinished(z->img) != 0) {
		err_clear(); /* the checks that follow tell it */
		return 0;
	}
	return resize_size(z->img->len, kv_get(q, "how"), op_u64(q, "size", 0), &z->asked);
}

static int refuse_pending(const struct resizing *z)
{
	const struct resize_record *p = &z->r->pending;
	char to[SIZE_HUMAN];

	if (p->from == p->to)
		return err_set(ST_CORRUPT,
			"unfinished: its filesystem was being resized to %s; give img-resizefs the "
			"size %llu to complete that",
			size_human(p->fs, to), (unsigned long long)p->fs);
	return err_set(ST_CORRUPT,
		"unfinished: it was being resized to %s; give img-resize %sthe size %llu to "
		"complete that",
		size_human(p->to, to), p->fs ? "--fs " : "", (unsigned long long)p->to);
}

/* Whether it is not what an interrupted job had begun. */
static bool is_another_job(const struct resizing *z)
{
	const struct resize_record *p = &z->r->pending;

	return p->to && (p->to != z->r->len || (p->fs && p->fs != (z->has_fs ? z->fs.bytes : 0)));
}

static int check_sizes(struct resizing *z)
{
	char before[SIZE_HUMAN], after[SIZE_HUMAN];
	const struct kv *q = z->request;
	struct resize *r = z->r;

	if (z->fs_only)
		z->asked = r->from;
	else if (resize_size(r->from, kv_get(q, "how"), op_u64(q, "size", 0), &z->asked) < 0)
		return -1;
	if (z->asked < r->from && !flag(z, "shrink"))
		return err_set(ST_REFUSED, "would become smaller, %s instead of %s (see --shrink)",
			size_human(z->asked, after), size_human(r->from, before));
	if (z->in_use && (z->asked < r->from || z->with_fs))
		return err_set(ST_BUSY, "in use: %s", z->who);
	return 0;
}

/* Opens it, and makes all checks but those of its content. */
static int prepare(struct resizing *z)
{
	const struct resize_want want = { .in_use = z->in_use,
		.allow_links = flag(z, "allow_links"),
		.risky = z->with_fs,
		.in_place = flag(z, "in_place"),
		.dry_run = flag(z, "dry_run") };
	struct err unfinished = { .status = ST_OK };

	/* Before it is locked, since a lock tells that a job is writing it. */
	if (resize_refuse_unfinished(z->img, z->in_use ? z->who : NULL) < 0)
		err_take(&unfinished);
	z->r = resize_open(z->img, &want);
	if (!z->r)
		return -1;
	if (unfinished.status != ST_OK && !z->r->pending.to) {
		err_put(&unfinished);
		return -1;
	}
	return check_sizes(z) < 0 ? -1 : resize_plan(z->r, z->asked);
}

/* What is in use has a table that its users change, and may have changed. */
static int look_at_table(struct resizing *z)
{
	const struct resize_record *p = &z->r->pending;

	/* An interrupted job may have extended a volume that has it as it was. */
	z->table_len = p->to && !p->fs ? p->from : z->img->len;
	return z->in_use ? 0 : ptable_read(&z->table, z->img->fd, z->table_len);
}

static int plan_fs(struct resizing *z)
{
	bool repairs =
		z->r->pending.changing && z->r->pending.to == z->r->len && !flag(z, "dry_run");
	const struct fs_want want = { .may_mount = z->may_mount,
		.dry_run = !repairs,
		.was_begun = repairs,
		.keeps_rest = z->fs_only };
	uint64_t size = z->fs_only ? op_u64(z->request, "size", 0) : 0;
	char before[SIZE_HUMAN], after[SIZE_HUMAN];
	struct resize *r = z->r;

	if (resize_fs_open(&z->fs, repairs ? r->fd : z->img->fd, z->img->len, &z->table, &want) < 0)
		return -1;
	z->has_fs = true;
	if (size && size < z->fs.fs.extent.bytes && !flag(z, "shrink"))
		return err_set(ST_REFUSED,
			"its filesystem would become smaller, %s instead of %s (see --shrink)",
			size_human(size, after), size_human(z->fs.fs.extent.bytes, before));
	if (resize_fs_plan(&z->fs, r->len, size) < 0)
		return -1;
	r->fs = z->fs.bytes;
	return flag(z, "dry_run") ? resize_fs_smallest(&z->fs, &z->smallest) : 0;
}

/* What it holds, once it is locked. */
static int plan_content(struct resizing *z)
{
	const struct resize *r = z->r;

	if (check_content(z->img, flag(z, "as_raw"), z->fs_only) < 0 || look_at_table(z) < 0)
		return -1;
	if (z->with_fs)
		return plan_fs(z);
	if (r->len >= r->from) {
		if (!z->table.odd && z->table.kind == PTABLE_GPT && r->len < z->table.min_len)
			z->table.odd = "a GPT whose backup has no space behind its partitions";
		return 0;
	}
	return resize_cut_check(z->img->fd, r->from, r->len, &z->table, &z->smallest);
}

/*
 * Images that need this one stand on its content, the table included: in one that is smaller, a GPT
 * whose backup has moved would be invalid.  More space, which reads as zeros, does no harm.
 */
static int check_dependents(struct resizing *z)
{
	const struct place *place = z->img->place;
	const struct resize *r = z->r;

	if (z->with_fs || r->len < r->from)
		return dependents_refuse(place);
	if (z->in_use || z->table.odd || z->table.kind != PTABLE_GPT)
		return 0;
	return dependents_find(place, &z->child) < 0 ? -1 : 0;
}

/* For a file without reflinks. */
static int fill_copy(struct session *s, struct resizing *z)
{
	struct source *from = source_image(z->img);
	struct sink *to = sink_image(z->r->copy);
	struct flow_options opt;
	struct flow_stats stats;
	int r;

	op_flow_options(s, z->request, &opt);
	r = from && to ? flow_run(from, to, &opt, &stats) : -1;
	source_free(from);
	sink_free(to);
	return r;
}

static int change_content(struct resizing *z)
{
	const struct resize *r = z->r;
	const struct fs_want want = { .is_copy = z->img->place->backend->resizes_copy &&
						 !flag(z, "in_place"),
		.may_mount = z->may_mount,
		.was_begun = r->pending.changing,
		.keeps_rest = z->fs_only };

	if (z->with_fs)
		return resize_fs_run(&z->fs, r->fd, z->table_len, r->len, &want);
	if (z->table.odd || z->in_use || z->child)
		return 0;
	return ptable_fit(&z->table, r->fd, z->table_len, r->len);
}

/*
 * What grows gets its space first, what shrinks is cut last.  The table is looked at also if the
 * image has the size already, because it may not fit it yet.
 */
static int change(struct session *s, struct resizing *z)
{
	struct resize *r = z->r;

	if (resize_begin(r) < 0 || (r->copy && fill_copy(s, z) < 0))
		return -1;
	if (r->len > r->from && resize_grow(r) < 0)
		return -1;
	if (change_content(z) < 0)
		return -1;
	if (r->len < r->from && resize_cut(r) < 0)
		return -1;
	return resize_finish(r);
}

static int execute(struct session *s, struct resizing *z)
{
	struct err e;
	size_t n;

	if (change(s, z) == 0)
		return 0;
	if (!z->r->stays_unfinished)
		return -1;
	err_take(&e);
	n = strlen(e.text);
	n = n < 500 ? n : 500;
	snprintf(e.text + n, sizeof(e.text) - n,
		" (it is unfinished now; run the same command again)");
	err_put(&e); /* with its errno, for the hint */
	return -1;
}

static int run(struct session *s, struct resizing *z, struct buf *reply)
{
	/* What it holds is looked at when it is locked. */
	if (check_asked(z) < 0 || look_for_users(z) < 0 || prepare(z) < 0 || plan_content(z) < 0)
		return -1;
	if (is_another_job(z))
		return refuse_pending(z);
	if (check_dependents(z) < 0)
		return -1;
	resizing_add_reply(z, reply);
	resizing_note(z);
	if (!flag(z, "dry_run") && execute(s, z) < 0)
		return -1;
	kv_add_u64(reply, "size", z->r->len);
	return 0;
}

static int run_request(
	struct session *s, const struct kv *request, struct buf *reply, bool fs, bool fs_only)
{
	struct place *place = place_open(&s->policy, kv_get(request, "path"));
	struct resizing z = { .request = request,
		.img = place ? image_open(place) : NULL,
		.with_fs = fs,
		.fs_only = fs_only,
		.may_mount = op_may_mount(s) };
	int r = -1;

	if (z.img && !fs_only && !op_flag(request, "as_raw") && resize_qcow2_is(z.img))
		r = resize_qcow2(z.img, request, reply);
	else if (z.img)
		r = run(s, &z, reply);
	if (z.has_fs)
		resize_fs_close(&z.fs);
	image_close(z.img);
	resize_close(z.r);
	free(z.child);
	return r;
}

int op_resize(struct session *s, const struct kv *request, struct buf *reply)
{
	return run_request(s, request, reply, op_flag(request, "fs"), false);
}

int op_resizefs(struct session *s, const struct kv *request, struct buf *reply)
{
	return run_request(s, request, reply, true, true);
}
