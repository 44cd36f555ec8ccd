/*
 * resize_qcow2: qemu-img changes the size of the guest's disk, after what it will read was
 * checked here.  It writes the size into the header at the very end, by one write, so an
 * interrupted job leaves the disk with its old size or its new one.
 *
 * New space of a volume below a qcow2 image is not zeroed: QEMU writes every cluster that it
 * takes into use completely.
 */
#include "lib/op/resize_qcow2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/format/content.h"
#include "lib/format/qcow2_check.h"
#include "lib/format/qcow2_mapped.h"
#include "lib/format/qcow2_tables.h"
#include "lib/format/qcow2_tail.h"
#include "lib/format/qcow2_watermark.h"
#include "lib/op/grow_qcow2.h"
#include "lib/op/op.h"
#include "lib/op/qemu_check.h"
#include "lib/op/qemu_img.h"
#include "lib/op/resize_backing.h"
#include "lib/op/resize_size.h"
#include "lib/store/backend.h"
#include "lib/store/resize.h"

#define SECTOR 512

struct resizing_qcow2 {
	struct image *img;
	const struct kv *request;
	struct buf *reply;
	struct resize *r;
	struct qcow2 q;
	bool in_use;
	char who[RESIZE_WHO_MAX]; /* uses it */
	uint64_t from, to;	  /* bytes of the guest's disk */
	bool with_zeros;	  /* the new space would show something otherwise */
};

/* The header of a qcow2 image: 1; 0: it is no such image, or cannot be parsed; -1 recorded. */
static int read_qcow2(struct image *img, struct qcow2 *q)
{
	struct content *c = img->fd >= 0 ? malloc(sizeof(*c)) : NULL;
	int r = 0;

	if (!c)
		return img->fd >= 0 ? err_set(ST_FAILED, "out of memory") : 0;
	if (content_read(c, img->fd, img->len, img->is_disk) < 0)
		r = -1;
	else if (!c->is_archive && !*c->damaged && strcmp(c->format, "qcow2") == 0)
		r = 1;
	if (r > 0)
		*q = c->qcow2;
	free(c);
	return r;
}

bool resize_qcow2_is(struct image *img)
{
	struct qcow2 q;
	int r = read_qcow2(img, &q);

	if (r < 0)
		err_clear();
	return r > 0;
}

static bool is_device(const struct resizing_qcow2 *z)
{
	return S_ISBLK(z->img->st.st_mode);
}

/* Opens it for the change, and reads its header, which nobody changes then unless it is in use. */
static int open_image(struct resizing_qcow2 *z)
{
	const struct resize_want want = { .in_use = z->in_use,
		.allow_links = op_flag(z->request, "allow_links"),
		.dry_run = op_flag(z->request, "dry_run") };
	int r;

	/* Before it is locked, since a lock tells that a job is writing it. */
	if (resize_refuse_unfinished(z->img, z->in_use ? z->who : NULL) < 0)
		return -1;
	z->r = resize_open(z->img, &want);
	if (!z->r)
		return -1;
	z->r->want.unzeroed = true;
	r = read_qcow2(z->img, &z->q);
	return r == 0 ? err_set(ST_BUSY, "was changed while it was opened") : r;
}

static int refuse_smaller(uint64_t from, uint64_t to)
{
	char before[SIZE_HUMAN], after[SIZE_HUMAN];

	return err_set(ST_REFUSED, "would become smaller, %s instead of %s (see --shrink)",
		size_human(to, after), size_human(from, before));
}

static int refuse_corrupt(const struct qcow2 *q)
{
	return q->incompatible & QCOW2_CORRUPT
		       ? err_set(ST_CORRUPT, "the qcow2 image is marked as corrupt (see qemu-img "
					     "check -r)")
		       : 0;
}

static int refuse_dirty(const struct qcow2 *q)
{
	return q->incompatible & QCOW2_DIRTY
		       ? err_set(ST_REFUSED,
				 "the qcow2 image was not closed by its last user (see qemu-img "
				 "check -r all)")
		       : 0;
}

static int refuse_unknown(const struct qcow2 *q)
{
	char text[QCOW2_TEXT_MAX];
	unsigned i;

	for (i = 0; i < QCOW2_FEATURES; i++)
		if (qcow2_unknown_feature(q, i, text))
			return err_set(ST_REFUSED,
				"the qcow2 image has a feature that is not supported: %s", text);
	return 0;
}

/* What QEMU could not resize, or only with other files. */
static int check_features(const struct qcow2 *q)
{
	if (refuse_corrupt(q) < 0 || refuse_unknown(q) < 0)
		return -1;
	if (qcow2_has_data_file(q))
		return err_set(ST_REFUSED,
			"the qcow2 image has its data in another file, '%s', whose size would be "
			"changed, too",
			q->data_file);
	if (refuse_dirty(q) < 0)
		return -1;
	if (q->crypt)
		return err_set(ST_REFUSED,
			"the qcow2 image is encrypted: it cannot be resized without the key");
	return 0;
}

/*
 * QEMU takes clusters into use, and the watermark counts them, by their reference counts: what has
 * the count 0 would be overwritten, or cut off.  Leaks do no harm.
 */
static int check_structure(const struct resizing_qcow2 *z)
{
	struct qcow2_check found;
	uint64_t bytes;
	bool leaks;

	if (qcow2_tables_check(&z->q, z->img->fd, z->img->len) < 0)
		return -1;
	if (!child_has("qemu-img"))
		return qcow2_check(&z->q, z->img->fd, z->img->len, &found);
	if (z->img->ops->allocated(z->img, &bytes) < 0)
		return -1;
	return qemu_check_layer(z->img->fd, &z->q, bytes, QEMU_CHECK_LOCKED, &leaks);
}

static int check_size(const struct resizing_qcow2 *z)
{
	if (z->to % SECTOR)
		return err_set(ST_REFUSED,
			"the size of a guest's disk in qcow2 must be a multiple of %d bytes",
			SECTOR);
	return z->to > z->from ? grow_qcow2_check(&z->q, z->img->fd, z->img->len, z->to) : 0;
}

static int choose_size(struct resizing_qcow2 *z)
{
	const struct kv *request = z->request;

	z->from = z->q.size;
	if (resize_size(z->from, kv_get(request, "how"), op_u64(request, "size", 0), &z->to) < 0)
		return -1;
	if (z->to < z->from && !op_flag(request, "shrink"))
		return refuse_smaller(z->from, z->to);
	if (z->in_use)
		return err_set(ST_BUSY,
			"in use: %s (QEMU has to resize the disk: for a guest of libvirt by virsh "
			"blockresize DOMAIN %s %lluB)",
			z->who, z->img->place->path, (unsigned long long)z->to);
	if (z->to < z->from)
		return err_set(ST_REFUSED,
			"the disk of a qcow2 image cannot be made smaller, since what it holds is "
			"not known");
	return 0;
}

/* Refuses what is no size before all else, unless a job has left the image between two sizes. */
static int check_asked(struct resizing_qcow2 *z)
{
	const struct kv *request = z->request;
	uint64_t now = z->img->len;

	if (read_qcow2(z->img, &z->q) <= 0 || z->img->ops->is_unfinished(z->img) != 0) {
		err_clear(); /* the checks that follow tell it */
		return 0;
	}
	if (!op_flag(request, "physical"))
		now = z->q.size;
	return resize_size(now, kv_get(request, "how"), op_u64(request, "size", 0), &z->to);
}

/* Finds out what the new space would show, and whether QEMU can hide that. */
static int plan_zeros(struct resizing_qcow2 *z)
{
	const struct qcow2 *q = &z->q;
	struct qcow2_tail tail;
	uint64_t backing = 0, last = z->from - z->from % q->cluster_size;
	bool longer = false, reaches = false;

	if (qcow2_tail_read(&tail, q, z->img->fd, z->img->len) < 0)
		return -1;
	if (*q->backing) {
		backing = resize_backing_size(z->img->place, q);
		longer = backing == 0 || backing > z->from;
		reaches = backing == 0 || backing > last;
	}
	z->with_zeros = tail.is_stale || longer;
	/* QEMU would take what the disk shows of that cluster from the zeros, too. */
	if (z->with_zeros && tail.ends_in_backing && reaches)
		return err_set(ST_REFUSED,
			"its disk ends within a cluster of its backing file, %s (see qemu-img "
			"resize)",
			longer ? "which is longer, or cannot be looked at"
			       : "and there is old data behind its end");
	if (!z->with_zeros || q->version > 2)
		return 0;
	return grow_qcow2_refuse_version(
		longer ? "its backing file is longer, or cannot be looked at"
		       : "it has old data behind its end");
}

static int add_result(const struct resizing_qcow2 *z, uint64_t previous, uint64_t size,
	uint64_t capacity, uint64_t physical)
{
	kv_add(z->reply, "path", z->img->place->path);
	kv_add(z->reply, "format", "qcow2");
	kv_add_u64(z->reply, "previous", previous);
	kv_add_u64(z->reply, "size", size);
	kv_add_u64(z->reply, "capacity", capacity);
	kv_add_u64(z->reply, "physical", physical);
	return 0;
}

static int grow_disk(struct resizing_qcow2 *z)
{
	off_t end;

	if (!op_flag(z->request, "dry_run") && z->to > z->from) {
		if (qemu_img_resize(z->r->fd, is_device(z), z->to, z->with_zeros) < 0)
			return -1;
		if (fsync(z->r->fd) < 0)
			return err_sys("cannot sync it to disk");
	}
	end = lseek(z->r->fd, 0, SEEK_END);
	if (end < 0)
		return err_sys("cannot find its end");
	return add_result(z, z->from, z->to, z->to, (uint64_t)end);
}

static int resize_disk(struct resizing_qcow2 *z)
{
	const char *path = z->img->place->path;

	if (choose_size(z) < 0 || check_features(&z->q) < 0 || check_size(z) < 0)
		return -1;
	if (z->to > z->from && (check_structure(z) < 0 || plan_zeros(z) < 0 ||
				       qemu_img_open(z->r->fd, is_device(z), z->with_zeros) < 0))
		return -1;
	if (z->to > z->from)
		kv_add(z->reply, "step",
			z->with_zeros ? "grow the guest's disk by qemu-img, with zeros"
				      : "grow the guest's disk by qemu-img");
	if (grow_disk(z) < 0)
		return -1;
	log_note("%s: holds a qcow2 image, so the size is that of the guest's disk (see --physical "
		 "and --format)",
		path);
	return 0;
}

/* The structure of an encrypted image cannot be checked: then what its tables name counts. */
static int find_watermark(const struct resizing_qcow2 *z, uint64_t *watermark)
{
	uint64_t left = UINT64_MAX;

	if (!z->q.crypt && check_structure(z) < 0)
		return -1;
	if (qcow2_watermark(&z->q, z->img->fd, z->img->len, watermark) < 0)
		return -1;
	return z->q.crypt ? qcow2_mapped_end(&z->q, z->img->fd, z->img->len, &left, watermark) : 0;
}

/* What the volume or file must keep. */
static int check_watermark(const struct resizing_qcow2 *z)
{
	uint64_t watermark;
	char text[SIZE_HUMAN];

	/* The reference counts are not right then. */
	if (refuse_corrupt(&z->q) < 0 || refuse_dirty(&z->q) < 0 || refuse_unknown(&z->q) < 0)
		return -1;
	if (find_watermark(z, &watermark) < 0)
		return -1;
	kv_add_u64(z->reply, "smallest", watermark);
	if (z->r->len < watermark)
		return err_set(ST_REFUSED,
			"this would cut into its qcow2 image, whose watermark is at %s (%llu "
			"bytes)",
			size_human(watermark, text), (unsigned long long)watermark);
	return 0;
}

static int plan_physical(struct resizing_qcow2 *z, uint64_t *asked)
{
	const struct kv *request = z->request;
	struct resize *r = z->r;

	if (resize_size(r->from, kv_get(request, "how"), op_u64(request, "size", 0), asked) < 0)
		return -1;
	if (*asked < r->from && !op_flag(request, "shrink"))
		return refuse_smaller(r->from, *asked);
	if (*asked < r->from && z->in_use)
		return err_set(ST_BUSY, "in use: %s", z->who);
	if (resize_plan(r, *asked) < 0)
		return -1;
	return r->len < r->from ? check_watermark(z) : 0;
}

static int change_physical(struct resize *r)
{
	if (resize_begin(r) < 0 || (r->len > r->from && resize_grow(r) < 0))
		return -1;
	if (r->len < r->from && resize_cut(r) < 0)
		return -1;
	return resize_finish(r);
}

static int resize_physical(struct resizing_qcow2 *z)
{
	bool is_volume = z->img->place->backend->rounds_size;
	struct resize *r = z->r;
	char text[SIZE_HUMAN];
	uint64_t asked;

	if (plan_physical(z, &asked) < 0)
		return -1;
	if (r->len != asked)
		log_note("%s: rounded up to full extents: %s (%llu bytes)", z->img->place->path,
			size_human(r->len, text), (unsigned long long)r->len);
	if (r->len > r->from)
		kv_add(z->reply, "step", is_volume ? "extend the volume" : "extend the file");
	else if (r->len < r->from)
		kv_add(z->reply, "step", is_volume ? "cut the volume" : "cut the file");
	if (!op_flag(z->request, "dry_run") && change_physical(r) < 0)
		return -1;
	return add_result(z, r->from, r->len, z->q.size, r->len);
}

int resize_qcow2(struct image *img, const struct kv *request, struct buf *reply)
{
	struct resizing_qcow2 z = { .img = img, .request = request, .reply = reply };
	int r = -1;

	if (op_flag(request, "fs"))
		return err_set(ST_USAGE, "holds a qcow2 image, in which no filesystem can be "
					 "resized (see --format)");
	if (check_asked(&z) < 0)
		return -1;
	if (resize_look_for_users(z.img, &z.in_use, z.who) == 0 && open_image(&z) >= 0)
		r = op_flag(request, "physical") ? resize_physical(&z) : resize_disk(&z);
	resize_close(z.r);
	return r;
}
