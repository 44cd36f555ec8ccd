/*
 * file_resize: a file that has all its space gets the new space allocated; a sparse one
 * stays sparse.
 *
 * The space is allocated behind the end first, and only then is the size changed, in one
 * call.  So a job that is killed leaves the old size or the new one.  What is behind the old
 * end reads as zeros, as the kernel promises.
 *
 * What the file holds is changed in a copy (file_resize_copy.c) or, only on request, in
 * place; then the file has a mark until the end.
 */
#include "lib/store/file/file_resize.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/file/file_place.h"
#include "lib/store/file/file_space.h"
#include "lib/store/file/partial.h"
#include "lib/store/file/precheck.h"
#include "lib/store/file/unfinished.h"
#include "lib/store/target_ops.h"

static const struct place_file *place_of(const struct resize *r)
{
	return (const struct place_file *)r->img->place;
}

static int sync_file(const struct resize *r)
{
	return fsync(r->fd) < 0 ? err_sys("cannot sync it to disk") : 0;
}

/* Whether it has less space than its size. */
static bool is_sparse(const struct resize *r)
{
	struct stat st;

	return fstat(r->fd, &st) == 0 && (uint64_t)st.st_blocks * 512 < r->from;
}

int file_resize_plan(struct resize *r)
{
	if (!r->want.dry_run || r->len <= r->from)
		return 0;
	return file_space_check_growth(place_of(r), r->from, r->len, is_sparse(r));
}

/* ftruncate() would cut what another job has added meanwhile.  0, or -1 recorded. */
static int check_old_size(const struct resize *r)
{
	struct stat st;

	if (fstat(r->fd, &st) < 0)
		return err_sys("cannot stat");
	return (uint64_t)st.st_size == r->img->len
		       ? 0
		       : err_set(ST_BUSY, "its size was changed meanwhile");
}

/* Returns the space behind the end that was allocated before a failure.  Keeps the error. */
static int give_back(const struct resize *r)
{
	struct err e;

	err_take(&e);
	if (check_old_size(r) < 0 || ftruncate(r->fd, (off_t)r->img->len) < 0)
		err_clear();
	err_put(&e);
	return -1;
}

/* Where fallocate() is missing. */
static int extend_by_size(const struct resize *r)
{
	if (check_old_size(r) < 0)
		return -1;
	if (ftruncate(r->fd, (off_t)r->len) < 0)
		return target_out_of_space("cannot add", r->len - r->from);
	return sync_file(r);
}

int file_resize_grow(struct resize *r)
{
	uint64_t by = r->len - r->from;

	if (!is_sparse(r) && fallocate(r->fd, FALLOC_FL_KEEP_SIZE, (off_t)r->from, (off_t)by) < 0 &&
		!target_lacks_call()) {
		target_out_of_space("cannot allocate", by);
		return give_back(r);
	}
	/* By its last byte, since that can never make the file smaller. */
	if (fallocate(r->fd, 0, (off_t)(r->len - 1), 1) < 0) {
		if (target_lacks_call())
			return extend_by_size(r);
		target_out_of_space("cannot add", by);
		return give_back(r);
	}
	return sync_file(r);
}

int file_resize_cut(struct resize *r)
{
	/* An interrupted job may have cut it already, or its resize2fs. */
	if (!r->pending.to && check_old_size(r) < 0)
		return -1;
	if (ftruncate(r->fd, (off_t)r->len) < 0)
		return err_sys("cannot cut it");
	return sync_file(r);
}

/*
 * After a failure nothing is changed yet, unless an interrupted job has done it.  Keeps the error;
 * returns -1.
 */
static int take_mark_back(struct resize *r)
{
	const struct place_file *p = place_of(r);
	struct err e;

	if (r->pending.to)
		return -1;
	err_take(&e);
	if (unfinished_clear(r->fd, p->dir, p->base.name) == 0)
		r->stays_unfinished = false;
	err_put(&e);
	return -1;
}

static int mark_file(struct resize *r)
{
	const struct place_file *p = place_of(r);
	const struct resize_record now = { .from = r->from, .to = r->len, .fs = r->fs };
	char record[RESIZE_RECORD_MAX];

	if (!r->want.risky)
		return 0;
	if (unfinished_set(r->fd, p->dir, p->base.name, resize_record_write(&now, record)) < 0)
		return take_mark_back(r); /* perhaps it is only not on disk yet */
	r->stays_unfinished = true;
	return 0;
}

int file_resize_allocate(const struct resize *r)
{
	const struct stat *was = &r->img->st;

	if ((uint64_t)was->st_blocks * 512 < (uint64_t)was->st_size ||
		fallocate(r->fd, 0, 0, (off_t)r->len) == 0)
		return 0;
	return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : err_sys("cannot allocate it");
}

static int unmark_file(struct resize *r)
{
	const struct place_file *p = place_of(r);

	if (!r->want.risky)
		return 0;
	if (file_resize_allocate(r) < 0 || sync_file(r) < 0)
		return -1;
	if (!p->by_link && !partial_is_same(p->dir, p->base.name, r->fd))
		return err_set(ST_BUSY, "was renamed or replaced while it was changed");
	if (unfinished_clear(r->fd, p->dir, p->base.name) < 0 || sync_file(r) < 0)
		return -1;
	r->stays_unfinished = false;
	return 0;
}

static int grow_in_place(struct resize *r)
{
	return file_resize_grow(r) == 0 ? 0 : take_mark_back(r);
}

static const struct resize_ops ops = {
	.plan = file_resize_plan,
	.begin = mark_file,
	.grow = grow_in_place,
	.cut = file_resize_cut,
	.finish = unmark_file,
};

int file_resize_look_for_job(struct resize *r)
{
	const struct place_file *p = place_of(r);
	char text[UNFINISHED_RECORD_MAX];
	struct resize_record c;
	const char *end;
	int has = unfinished_record(r->img->fd, p->dir, p->base.name, text);

	if (has <= 0)
		return has;
	end = resize_record_parse(&c, text);
	if (!end || *end)
		return 0;
	c.changing = true; /* a file has the mark for nothing else */
	r->pending = c;
	r->from = c.from;
	return 0;
}

int file_resize_lock(struct resize *r)
{
	const struct place_file *p = place_of(r);

	if (precheck_stat(p, r->want.allow_links) < 0)
		return -1;
	r->fd = file_place_open(
		&p->base, (r->want.dry_run ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_NOCTTY);
	if (r->fd < 0)
		return -1;
	if (r->want.dry_run)
		return precheck_writable(p);
	/* The same lock as that of a job that writes it, which keeps QEMU away, too. */
	if (!r->want.in_use && partial_lock(r->fd) < 0)
		return -1;
	return check_old_size(r); /* since the image was opened */
}

struct resize *file_resize_open(struct image *img, const struct resize_want *want)
{
	struct resize *r;

	if (want->risky && !want->in_place)
		return file_resize_copy_open(img, want);
	r = resize_new(sizeof(*r), &ops, img, want);
	if (r && (file_resize_lock(r) < 0 || file_resize_look_for_job(r) < 0)) {
		resize_close(r);
		return NULL;
	}
	return r;
}
