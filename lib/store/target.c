/*
 * target: what the targets of all backends have in common.
 */
#include "lib/store/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"
#include "lib/block/block.h"
#include "lib/host/page_cache.h"
#include "lib/store/backend.h"
#include "lib/store/target_ops.h"

#define ZERO_PIECE (1u << 20)
#define WRITEBACK (32u << 20) /* bytes after which the kernel is to write them to disk */

static int refuse_space(const char *text)
{
	if (errno == EFBIG)
		return err_set(ST_NOROOM, "%s: more than the filesystem, or a limit, allows", text);
	return err_sys("%s", text);
}

int target_out_of_space(const char *what, uint64_t bytes)
{
	char text[128], human[SIZE_HUMAN];

	snprintf(text, sizeof(text), "%s %s", what, size_human(bytes, human));
	return refuse_space(text);
}

bool target_lacks_call(void)
{
	/* EINVAL: some filesystems support only some modes of fallocate(). */
	return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
}

void *target_new(size_t size, const struct target_ops *ops, struct place *place,
	const struct target_want *want)
{
	struct target *t = calloc(1, size);

	if (!t) {
		place_close(place);
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	t->ops = ops;
	t->place = place;
	t->want = *want;
	t->fd = -1;
	t->space = INT64_MAX;
	return t;
}

static void free_target(struct target *t)
{
	place_close(t->place);
	free(t);
}

struct target *target_ready(struct target *t, int r)
{
	if (r == 0)
		return t;
	target_abort(t);
	return NULL;
}

struct target *target_make(struct place *place, const struct target_want *want)
{
	return place->backend->make(place, want);
}

struct target *target_fill(struct place *place, const struct target_want *want)
{
	return place->backend->fill(place, want);
}

int target_check_source(const struct target *t, const struct stat *st)
{
	char own[IDENTITY_MAX];

	if (t->want.source_id && strcmp(t->want.source_id, identity_of(st, own)) == 0)
		return err_set(ST_REFUSED, "source and target are the same image");
	return 0;
}

int target_exists(const struct target_want *want, const struct place *place)
{
	char id[IDENTITY_MAX];

	if (want->source_id && place->backend->identify(place, id) == 0 &&
		strcmp(want->source_id, id) == 0)
		return err_set(ST_REFUSED, "source and target are the same image");
	return err_set(ST_EXISTS, "exists already");
}

static int refuse_small(const struct target *t)
{
	char human[SIZE_HUMAN];

	return err_set(ST_NOROOM, "the target has %s, and the source has more",
		size_human(t->space, human));
}

int target_check_len(const struct target *t)
{
	char space[SIZE_HUMAN], len[SIZE_HUMAN];

	if (t->want.len == TARGET_LEN_UNKNOWN || t->want.len <= t->space)
		return 0;
	return err_set(ST_NOROOM, "the target has %s (%llu bytes), and the source %s (%llu bytes)",
		size_human(t->space, space), (unsigned long long)t->space,
		size_human(t->want.len, len), (unsigned long long)t->want.len);
}

bool target_was_unfinished(const struct target *t)
{
	return t->was_unfinished;
}

bool target_is_device(const struct target *t)
{
	struct stat st;

	return fstat(t->fd, &st) == 0 && S_ISBLK(st.st_mode);
}

ssize_t target_peek(struct target *t, void *p, size_t n)
{
	ssize_t got = t->ops->peek ? t->ops->peek(t, p, n) : 0;

	return got < 0 ? err_sys("cannot read the target") : got;
}

ssize_t target_fd_peek(struct target *t, void *p, size_t n)
{
	return io_pread(t->fd, p, n, 0);
}

/*
 * Lets the disk write while more data is on its way, so that little is left for fsync().  What it
 * has written makes room in the page cache.
 */
static void begin_writeback(struct target *t, size_t n)
{
	uint64_t before = atomic_fetch_add(&t->written, n);

	if (!t->want.fsync || t->fd < 0 || before / WRITEBACK == (before + n) / WRITEBACK)
		return;
	sync_file_range(t->fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* fsync() has the errors */
	page_cache_drop_written(t->fd);
}

int target_write(struct target *t, const void *p, size_t n, uint64_t off)
{
	if (n > t->space || off > t->space - n)
		return refuse_small(t);
	atomic_store(&t->touched, true);
	if (t->ops->write(t, p, n, off) < 0)
		return -1;
	begin_writeback(t, n);
	return 0;
}

int target_fd_write(struct target *t, const void *p, size_t n, uint64_t off)
{
	char text[64];

	if (io_pwrite(t->fd, p, n, off) == 0)
		return 0;
	snprintf(text, sizeof(text), "cannot write at %llu", (unsigned long long)off);
	return refuse_space(text);
}

int target_write_zeros(struct target *t, uint64_t len, uint64_t off)
{
	uint8_t *zeros = calloc(1, ZERO_PIECE);
	uint64_t n;
	int r = zeros ? 0 : err_set(ST_FAILED, "out of memory");

	for (; r == 0 && len; off += n, len -= n) {
		n = len < ZERO_PIECE ? len : ZERO_PIECE;
		r = cancel_check() < 0 ? -1 : target_write(t, zeros, n, off);
	}
	free(zeros);
	return r;
}

int target_zero(struct target *t, uint64_t len, uint64_t off)
{
	if (len > t->space || off > t->space - len)
		return refuse_small(t);
	atomic_store(&t->touched, true);
	return t->ops->zero(t, len, off);
}

void target_set_hole_unit(struct target *t)
{
	struct stat st;

	if (!t->want.sparse || fstat(t->fd, &st) < 0)
		return;
	t->hole_unit = (uint64_t)st.st_blksize;
	/* A network filesystem reports what it transfers at once, and most allocate less. */
	if (t->hole_unit % BLOCK_UNIT != 0 || t->hole_unit > BLOCK_SIZE)
		t->hole_unit = BLOCK_UNIT;
}

/*
 * Reduces the zeros [*from, *to) of b to those that the storage can leave out: units of
 * hole_unit and the end of the image.  Whether there are any.
 */
static bool reduce_to_hole_units(
	const struct target *t, const struct block *b, uint64_t *from, uint64_t *to)
{
	bool is_end = *to == b->len && b->len < BLOCK_SIZE;
	uint64_t past = (b->off + *from) % t->hole_unit;

	*from += past ? t->hole_unit - past : 0;
	past = (b->off + *to) % t->hole_unit;
	if (!is_end)
		*to -= past < *to ? past : *to;
	return *from < *to;
}

static int write_part(struct target *t, const struct block *b, uint64_t from, uint64_t to)
{
	return from < to ? target_write(t, b->raw + from, to - from, b->off + from) : 0;
}

int target_put(struct target *t, const struct block *b)
{
	uint64_t from, to, end, written = 0;
	bool is_zero;

	if (b->kind == BLOCK_HOLE)
		return target_zero(t, b->len, b->off);
	for (from = 0; t->hole_unit && b->zero_units && from < b->len; from = end) {
		to = end = block_run(b, from, &is_zero);
		if (!is_zero || !reduce_to_hole_units(t, b, &from, &to))
			continue;
		if (write_part(t, b, written, from) < 0 ||
			target_zero(t, to - from, b->off + from) < 0)
			return -1;
		written = to;
	}
	return write_part(t, b, written, b->len);
}

int target_clone(struct target *t, const struct image *src)
{
	return t->ops->clone ? t->ops->clone(t, src) : 0;
}

int target_set_len(struct target *t, uint64_t len)
{
	if (len > t->space)
		return refuse_small(t);
	atomic_store(&t->touched, true);
	return t->ops->set_len(t, len);
}

/*
 * Without fsync(), some filesystems (NFS) report errors at close() only.  A copy is
 * closed, because the lock must be held for longer.
 */
static int close_copy(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 || close(copy) < 0 ? err_sys("cannot write") : 0;
}

int target_sync(struct target *t)
{
	if (!t->want.fsync)
		return close_copy(t->fd);
	if (fsync(t->fd) < 0)
		return err_sys("cannot sync it to disk");
	if (atomic_load(&t->written) >= WRITEBACK)
		page_cache_drop_written(t->fd);
	return 0;
}

int target_settle(struct target *t)
{
	if (t->ops->settle(t) < 0)
		return -1;
	t->is_settled = true;
	return 0;
}

int target_rewind(struct target *t)
{
	return lseek(t->fd, 0, SEEK_SET) < 0 ? err_sys("cannot read it again") : t->fd;
}

int target_commit(struct target *t)
{
	/* Syncing to disk takes time, in which the job may have been interrupted. */
	if ((!t->is_settled && target_settle(t) < 0) || cancel_check() < 0 ||
		t->ops->commit(t) < 0) {
		target_abort(t);
		return -1;
	}
	free_target(t);
	return 0;
}

void target_abort(struct target *t)
{
	struct err e;

	if (!t)
		return;
	err_take(&e);
	t->ops->abort(t);
	free_target(t);
	err_put(&e);
}

const char *target_path(const struct target *t)
{
	return t->place->path;
}

uint64_t target_space(const struct target *t)
{
	return t->space;
}
