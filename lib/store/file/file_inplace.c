/*
 * file_inplace: an existing file that is filled in place.
 *
 *	checks, lock, mark, fsync | writes | zero the rest, fsync, unmark, fsync
 *
 * A failure after the first write leaves a mixture of old and new content, so the mark
 * is kept.  A failure before the first write leaves the mark that there was, or none.  If the name
 * leads to another file in the end, the job fails, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/dependents.h"
#include "lib/store/file/file_target.h"
#include "lib/store/file/partial.h"
#include "lib/store/file/precheck.h"
#include "lib/store/file/unfinished.h"
#include "lib/store/target_ops.h"

struct target_inplace {
	struct target base;
	const struct place_file *place; /* base.place */
	bool marked;			/* it is marked as unfinished, and by this job */
	bool has_record;		/* the mark of an earlier job said this of it: */
	char record[UNFINISHED_RECORD_MAX];
};

/* The same lock as on a partial file: it keeps QEMU and other jobs away. */
static int lock_file(const struct target_inplace *t)
{
	if (partial_lock(t->base.fd) == 0)
		return 0;
	return err_status() == ST_BUSY ? err_set(ST_BUSY, "in use: another job is writing it") : -1;
}

static bool has_name(const struct target_inplace *t)
{
	return partial_is_same(t->place->dir, t->place->base.name, t->base.fd);
}

/* Locks it; the name may have got another file since it was opened. */
static int lock_named_file(const struct target_inplace *t)
{
	if (lock_file(t) < 0)
		return -1;
	return has_name(t) ? 0 : err_set(ST_BUSY, "was renamed or replaced while it was opened");
}

/* The size may have changed since the place was opened. */
static int read_size(struct target_inplace *t)
{
	struct stat st;

	if (fstat(t->base.fd, &st) < 0)
		return err_sys("cannot stat");
	t->base.space = (uint64_t)st.st_size;
	return 0;
}

static int mark_file(struct target_inplace *t)
{
	const struct place_file *p = t->place;
	int has = unfinished_record(t->base.fd, p->dir, p->base.name, t->record);

	if (has < 0)
		return -1;
	/* What an earlier job left unfinished remains so if this job writes nothing. */
	t->marked = !t->base.was_unfinished;
	t->has_record = has;
	return unfinished_set(t->base.fd, p->dir, p->base.name, NULL);
}

static int prepare_inplace_file(struct target_inplace *t)
{
	const struct target_want *w = &t->base.want;
	int is;

	t->base.fd = precheck_open(t->place, w->dry_run ? O_RDONLY : O_RDWR, w->allow_links);
	if (t->base.fd < 0)
		return -1;
	if (unfinished_check(t->place->dir, t->place->base.name, t->place->st.st_uid) < 0)
		return -1;
	target_set_hole_unit(&t->base);
	if (target_check_source(&t->base, &t->place->st) < 0 ||
		(!w->dry_run && lock_named_file(t) < 0) || read_size(t) < 0 ||
		target_check_len(&t->base) < 0)
		return -1;
	is = unfinished_is(t->base.fd, t->place->dir, t->place->base.name);
	if (is < 0)
		return -1;
	t->base.was_unfinished = is;
	if (dependents_refuse(&t->place->base) < 0)
		return -1;
	return w->dry_run ? precheck_writable(t->place) : mark_file(t);
}

static int zero_file_range(struct target *t, uint64_t len, uint64_t off)
{
	if (len == 0)
		return 0;
	if (t->want.sparse && fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				      (off_t)off, (off_t)len) == 0)
		return 0;
	if (fallocate(t->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len) ==
		0)
		return 0;
	if (!target_lacks_call())
		return target_out_of_space("cannot zero", len);
	/* Make a hole, which reads as zeros, and allocate it. */
	if (fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len) ==
			0 &&
		fallocate(t->fd, 0, (off_t)off, (off_t)len) == 0)
		return 0;
	return target_write_zeros(t, len, off);
}

/* The image keeps its length; what the source did not fill is zeroed. */
static int zero_file_rest(struct target *t, uint64_t len)
{
	return zero_file_range(t, t->space - len, len);
}

static int commit_inplace(struct target *base)
{
	const struct target_inplace *t = (const struct target_inplace *)base;
	const struct place_file *p = t->place;

	/* Before the mark is removed: beside the name it would be that of another file. */
	if (!has_name(t))
		return err_set(ST_BUSY, "was renamed or replaced while it was written");
	if (unfinished_clear(base->fd, p->dir, p->base.name) < 0)
		return -1;
	if (target_sync(base) < 0) {
		unfinished_set(base->fd, p->dir, p->base.name, NULL);
		return err_set(ST_FAILED, "cannot sync it to disk");
	}
	close(base->fd);
	base->fd = -1;
	return 0;
}

/* Nothing was written: the mark is again what it was, or there is none. */
static void restore_mark(const struct target_inplace *t)
{
	const struct place_file *p = t->place;

	if (t->marked && !has_name(t))
		fremovexattr(t->base.fd, UNFINISHED_ATTR); /* what is beside the name stays */
	else if (t->marked)
		unfinished_clear(t->base.fd, p->dir, p->base.name);
	else if (t->has_record && has_name(t))
		unfinished_set(t->base.fd, p->dir, p->base.name, t->record);
}

static void abort_inplace(struct target *base)
{
	const struct target_inplace *t = (const struct target_inplace *)base;

	if (base->fd < 0)
		return;
	if (!atomic_load(&base->touched))
		restore_mark(t);
	close(base->fd);
}

static const struct target_ops ops = {
	.peek = target_fd_peek,
	.write = target_fd_write,
	.zero = zero_file_range,
	.set_len = zero_file_rest,
	.settle = target_sync,
	.commit = commit_inplace,
	.abort = abort_inplace,
};

struct target *file_target_fill(struct place *place, const struct target_want *want)
{
	struct target_inplace *t = target_new(sizeof(*t), &ops, place, want);

	if (!t)
		return NULL;
	t->place = (const struct place_file *)place;
	return target_ready(&t->base, prepare_inplace_file(t));
}
