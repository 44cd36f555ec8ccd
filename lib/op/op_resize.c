/*
 * resize: grows or cuts an image.
 *	OK  path; previous and size, in bytes; step (each), what is done, or would be in a
 *	    dry run; smallest, in bytes, if it is to be cut and that is known; of a qcow2
 *	    image also format, and capacity and physical, in bytes
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/format/content.h"
#include "lib/op/op.h"
#include "lib/op/resize_cut.h"
#include "lib/op/resize_qcow2.h"
#include "lib/op/resize_size.h"
#include "lib/store/backend.h"
#include "lib/store/resize.h"

struct resizing {
	struct image *img;
	struct resize *r;
	struct ptable table; /* if it is looked at; else zeros */
	uint64_t asked;	     /* bytes */
	bool in_use;
	char who[256]; /* uses it */
};

/*
 * Refuses what records the size of an image in it.  An archive counts only where it can be one: on
 * a volume it is the guest's.
 */
static int check_content(struct image *img, bool as_raw)
{
	const struct content *c = as_raw ? NULL : image_content(img);

	if (as_raw)
		return 0;
	if (!c)
		return -1;
	if (*c->damaged)
		return err_set(ST_CORRUPT, "%s (see --format)", c->damaged);
	if (c->is_archive)
		return img->place->backend->can_archive
			       ? err_set(ST_REFUSED, "is an lzop archive (see img-unarchive)")
			       : 0;
	if (strcmp(c->format, "raw") != 0)
		return err_set(ST_REFUSED,
			"holds a %s image, whose size is recorded in it; only raw and qcow2 images "
			"can be "
			"resized (see --format)",
			c->format);
	return 0;
}

static int look_for_users(struct resizing *z)
{
	struct inuse u;
	int r = z->img->ops->use(z->img, &u);

	z->in_use = u.writers || u.readers;
	snprintf(z->who, sizeof(z->who), "%s", u.who);
	inuse_fini(&u);
	return r;
}

static int refuse_pending(const struct resize *r)
{
	char to[SIZE_HUMAN];

	return err_set(ST_CORRUPT,
		"unfinished: it was being grown to %s; give the size %llu to complete that",
		size_human(r->pending, to), (unsigned long long)r->pending);
}

/* Opens it, and makes all checks but those of its content. */
static int prepare(struct resizing *z, const struct kv *request)
{
	const struct resize_want want = { .in_use = z->in_use,
		.allow_links = op_flag(request, "allow_links"),
		.dry_run = op_flag(request, "dry_run") };
	struct err unfinished = { .status = ST_OK };
	char before[SIZE_HUMAN], after[SIZE_HUMAN];

	/* Before it is locked, since a lock tells that a job is writing it. */
	if (image_refuse_unfinished(z->img) < 0)
		err_take(&unfinished);
	z->r = resize_open(z->img, &want);
	if (!z->r)
		return -1;
	if (unfinished.status != ST_OK && !z->r->pending) {
		err_put(&unfinished);
		return -1;
	}
	if (resize_size(z->r->from, kv_get(request, "how"), op_u64(request, "size", 0), &z->asked) <
		0)
		return -1;
	if (z->asked < z->r->from && !op_flag(request, "shrink"))
		return err_set(ST_REFUSED, "would become smaller, %s instead of %s (see --shrink)",
			size_human(z->asked, after), size_human(z->r->from, before));
	if (z->asked < z->r->from && z->in_use)
		return err_set(ST_BUSY, "in use: %s", z->who);
	if (resize_plan(z->r, z->asked) < 0)
		return -1;
	return z->r->pending && z->r->pending != z->r->len ? refuse_pending(z->r) : 0;
}

/* What is in use has a table that its users change, and may have changed. */
static int look_at_table(struct resizing *z)
{
	uint64_t now = z->r->pending ? z->r->from : z->img->len;

	return z->in_use ? 0 : ptable_read(&z->table, z->img->fd, now);
}

static int fit_table(const struct resizing *z)
{
	const struct resize *r = z->r;

	return z->table.odd ? 0 : ptable_fit(&z->table, r->fd, r->from, r->len);
}

/* Also if it has the size already: then its table may not fit it yet. */
static int grow(struct resizing *z)
{
	struct resize *r = z->r;

	if (r->len > r->from && resize_grow(r) < 0)
		return -1;
	return fit_table(z) < 0 ? -1 : resize_finish(r);
}

static int cut(struct resizing *z)
{
	return fit_table(z) < 0 ? -1 : resize_cut(z->r);
}

static void add_steps(const struct resizing *z, struct buf *reply)
{
	bool moves = z->table.kind == PTABLE_GPT && !z->table.odd && !z->in_use;
	bool is_volume = z->img->place->backend->rounds_size;

	if (z->r->len < z->r->from) {
		if (moves)
			kv_add(reply, "step", "move the backup of the GPT to the new end");
		kv_add(reply, "step", "cut the image");
		return;
	}
	kv_add(reply, "step", is_volume ? "extend the volume" : "extend the file");
	if (is_volume)
		kv_add(reply, "step", "zero the new space");
	if (moves)
		kv_add(reply, "step", "move the backup of the GPT to the new end");
}

static void add_notes(const struct resizing *z)
{
	const char *path = z->img->place->path;
	char size[SIZE_HUMAN];

	if (z->r->len != z->asked)
		log_note("%s: rounded up to full extents: %s (%llu bytes)", path,
			size_human(z->r->len, size), (unsigned long long)z->r->len);
	if (z->r->len <= z->r->from)
		return;
	if (z->in_use)
		log_note("%s: is in use (%s), so what it holds is not touched; a guest of libvirt "
			 "is told by: virsh blockresize DOMAIN %s %lluB",
			path, z->who, path, (unsigned long long)z->r->len);
	else if (z->table.odd)
		log_note("%s: has %s, which is left as it is", path, z->table.odd);
}

static int run(struct resizing *z, const struct kv *request, struct buf *reply)
{
	uint64_t smallest = 0;
	struct resize *r;

	/* What it holds is looked at when it is locked. */
	if (look_for_users(z) < 0 || prepare(z, request) < 0 ||
		check_content(z->img, op_flag(request, "as_raw")) < 0 || look_at_table(z) < 0)
		return -1;
	r = z->r;
	if (r->len < r->from &&
		resize_cut_check(z->img->fd, r->from, r->len, &z->table, &smallest) < 0)
		return -1;
	kv_add(reply, "path", z->img->place->path);
	kv_add_u64(reply, "previous", r->from);
	if (smallest)
		kv_add_u64(reply, "smallest", smallest);
	if (r->len != r->from)
		add_steps(z, reply);
	add_notes(z);
	if (!op_flag(request, "dry_run") && (r->len < r->from ? cut(z) : grow(z)) < 0)
		return -1;
	kv_add_u64(reply, "size", r->len);
	return 0;
}

int op_resize(struct session *s, const struct kv *request, struct buf *reply)
{
	struct place *place = place_open(&s->policy, kv_get(request, "path"));
	struct resizing z = { .img = place ? image_open(place) : NULL };
	int r = -1;

	if (z.img && !op_flag(request, "as_raw") && resize_qcow2_is(z.img))
		r = resize_qcow2(z.img, request, reply);
	else if (z.img)
		r = run(&z, request, reply);
	resize_close(z.r);
	image_close(z.img);
	return r;
}
