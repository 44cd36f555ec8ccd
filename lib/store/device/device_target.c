/*
 * device_target: before the first write, the mark replaces the first block of the device.
 * What belongs there is kept in memory and written last.
 *
 *	checks, open exclusively, write the mark, fsync | writes | zero the
 *	rest, fsync, write the real first block, fsync
 *
 * An abort before the first write restores the old first block.
 */
#include "lib/store/device/device_target.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/host/inuse.h"
#include "lib/store/block_size.h"
#include "lib/store/block_zero.h"
#include "lib/store/dependents.h"
#include "lib/store/device/device_mark.h"
#include "lib/store/device/device_place.h"
#include "lib/store/target_ops.h"

struct target_device {
	struct target base;
	struct block_zero zero;
	size_t first_len;		 /* bytes that the mark covers */
	bool has_mark;			 /* the mark was written, maybe only in part */
	uint8_t first[DEVICE_MARK_SIZE]; /* the first block, to be written last */
	uint8_t old[DEVICE_MARK_SIZE];	 /* the first block before the mark */
};

static struct target_device *device_of(struct target *base)
{
	return (struct target_device *)base;
}

static int open_exclusively(struct target_device *t)
{
	struct target *base = &t->base;
	int read_only = 0;
	struct stat st;

	/* O_EXCL refuses a device that is mounted, swap, a part of another, or being filled. */
	base->fd = device_place_open(base->place, O_RDWR | O_EXCL);
	if (base->fd < 0)
		return -1;
	if (fstat(base->fd, &st) < 0)
		return err_sys("cannot stat");
	if (ioctl(base->fd, BLKROGET, &read_only) == 0 && read_only)
		return err_set(ST_REFUSED, "is read-only");
	if (target_check_source(base, &st) < 0 || inuse_refuse_open(base->fd) < 0)
		return -1;
	return block_size_get(base->fd, &base->space) < 0 ? -1 : target_check_len(base);
}

static int write_first(struct target_device *t, const uint8_t *block)
{
	if (io_pwrite(t->base.fd, block, t->first_len, 0) < 0)
		return err_sys("cannot write its first block");
	return fsync(t->base.fd) < 0 ? err_sys("cannot sync it to disk") : 0;
}

static int read_first(struct target_device *t)
{
	ssize_t n;

	t->first_len = t->base.space < sizeof(t->old) ? (size_t)t->base.space : sizeof(t->old);
	n = io_pread(t->base.fd, t->old, t->first_len, 0);
	if (n < 0 || (size_t)n < t->first_len)
		return err_sys("cannot read its first block");
	memcpy(t->first, t->old, t->first_len);
	t->base.was_unfinished = device_mark_is(t->old, t->first_len);
	return 0;
}

static int mark_device(struct target_device *t)
{
	uint8_t mark[DEVICE_MARK_SIZE];

	device_mark_put(mark, t->first_len);
	t->has_mark = true;
	return write_first(t, mark);
}

static int prepare_device(struct target_device *t)
{
	const struct place_device *p = (const struct place_device *)t->base.place;

	if (policy_allow_device(p->base.policy, p->dev) < 0 || open_exclusively(t) < 0 ||
		read_first(t) < 0 || dependents_refuse(&p->base) < 0)
		return -1;
	if (t->base.want.dry_run)
		return 0;
	block_zero_init(&t->zero, t->base.fd, false);
	return mark_device(t);
}

/* How many of the len bytes at off belong to the first block. */
static size_t count_in_first(const struct target_device *t, uint64_t len, uint64_t off)
{
	if (off >= t->first_len)
		return 0;
	return len < t->first_len - off ? (size_t)len : t->first_len - (size_t)off;
}

static int write_device(struct target *base, const void *p, size_t n, uint64_t off)
{
	struct target_device *t = device_of(base);
	size_t kept = count_in_first(t, n, off);

	memcpy(t->first + (kept ? off : 0), p, kept);
	return kept == n ? 0
			 : target_fd_write(base, (const uint8_t *)p + kept, n - kept, off + kept);
}

/* The old first block is in memory, except in a dry run, which writes no mark. */
static ssize_t peek_device(struct target *base, void *p, size_t n)
{
	const struct target_device *t = device_of(base);

	if (!t->has_mark)
		return target_fd_peek(base, p, n);
	n = n < t->first_len ? n : t->first_len;
	memcpy(p, t->old, n);
	return (ssize_t)n;
}

static int zero_device(struct target *base, uint64_t len, uint64_t off)
{
	struct target_device *t = device_of(base);
	size_t kept = count_in_first(t, len, off);

	memset(t->first + (kept ? off : 0), 0, kept);
	return kept == len ? 0 : block_zero_range(&t->zero, len - kept, off + kept);
}

static int zero_device_rest(struct target *base, uint64_t len)
{
	return zero_device(base, base->space - len, len);
}

static int commit_device(struct target *base)
{
	struct target_device *t = device_of(base);
	struct err e;

	if (write_first(t, t->first) < 0) {
		/* The block may have reached the disk in part, or may be lost there later. */
		err_take(&e);
		mark_device(t);
		err_put(&e);
		return -1;
	}
	close(base->fd);
	base->fd = -1;
	return 0;
}

static void abort_device(struct target *base)
{
	struct target_device *t = device_of(base);

	if (base->fd < 0)
		return;
	if (t->has_mark && !atomic_load(&base->touched) && write_first(t, t->old) < 0)
		log_warn("warning: cannot restore the first block of '%s': %s", base->place->path,
			err_text());
	close(base->fd);
}

static const struct target_ops ops = {
	.peek = peek_device,
	.write = write_device,
	.zero = zero_device,
	.set_len = zero_device_rest,
	.settle = target_sync,
	.commit = commit_device,
	.abort = abort_device,
};

struct target *device_target_fill(struct place *place, const struct target_want *want)
{
	struct target_device *t = target_new(sizeof(*t), &ops, place, want);

	if (!t)
		return NULL;
	return target_ready(&t->base, prepare_device(t));
}

/* A device cannot be created; with want->overwrite it is filled in place. */
struct target *device_target_make(struct place *place, const struct target_want *want)
{
	if (want->overwrite)
		return device_target_fill(place, want);
	target_exists(want, place);
	place_close(place);
	return NULL;
}
