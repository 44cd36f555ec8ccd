/*
 * target: picks the way it is made (a new file, or in place), and does what
 * all ways have in common.
 */
#include "lib/store/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/store/store.h"
#include "lib/store/target_state.h"

#define ZERO_PIECE (1u << 20)

int target_out_of_room(const char *what, uint64_t n, const char *unit)
{
	if (errno == EFBIG)
		return err_set(ST_NOROOM,
			"%s %llu%s: more than this filesystem, or a limit, allows", what,
			(unsigned long long)n, unit);
	return err_sys("%s %llu%s", what, (unsigned long long)n, unit);
}

bool target_lacks_call(void)
{
	/* EINVAL: some know of fallocate(), but not all of its modes. */
	return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
}

static void release(struct target *t)
{
	if (t->old_fd >= 0)
		close(t->old_fd);
	place_close(&t->place);
	free(t);
}

struct target *target_open(struct place *place, const struct target_want *want)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t) {
		place_close(place);
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	t->ops = want->in_place ? place->store->in_place : place->store->make;
	t->place = *place;
	t->want = *want;
	t->fd = -1;
	t->old_fd = -1;
	t->room = INT64_MAX;
	memset(place, 0, sizeof(*place));
	place->dir = -1;
	if (t->ops->begin(t) == 0)
		return t;
	target_abort(t);
	return NULL;
}

int target_write(struct target *t, const void *p, size_t n, uint64_t off)
{
	if (n > t->room || off > t->room - n)
		return err_set(ST_NOROOM, "the target has %llu bytes, and the source has more",
			(unsigned long long)t->room);
	t->touched = true;
	if (io_pwrite(t->fd, p, n, off) < 0)
		return target_out_of_room("cannot write at", off, "");
	return 0;
}

int target_write_zeros(struct target *t, uint64_t len, uint64_t off)
{
	uint8_t *zeros = calloc(1, ZERO_PIECE);
	uint64_t n;
	int r = zeros ? 0 : err_set(ST_FAILED, "out of memory");

	for (; r == 0 && len; off += n, len -= n) {
		n = len < ZERO_PIECE ? len : ZERO_PIECE;
		r = cancel_is_set() ? err_set(ST_FAILED, "interrupted")
				    : target_write(t, zeros, n, off);
	}
	free(zeros);
	return r;
}

int target_zero(struct target *t, uint64_t len, uint64_t off)
{
	if (len > t->room || off > t->room - len)
		return err_set(ST_NOROOM, "the target has %llu bytes, and the source has more",
			(unsigned long long)t->room);
	return t->ops->zero(t, len, off);
}

int target_clone(struct target *t, int src)
{
	return t->ops->clone ? t->ops->clone(t, src) : 0;
}

int target_set_len(struct target *t, uint64_t len)
{
	return t->ops->set_len(t, len);
}

/* Without fsync() some filesystems (NFS) tell at close() only; the lock must outlive it. */
static int flush(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 || close(copy) < 0 ? err_sys("cannot write") : 0;
}

int target_sync(struct target *t)
{
	if (!t->want.fsync)
		return flush(t->fd);
	return fsync(t->fd) < 0 ? err_sys("cannot bring it to stable storage") : 0;
}

int target_commit(struct target *t)
{
	if (t->ops->commit(t) < 0) {
		target_abort(t);
		return -1;
	}
	release(t);
	return 0;
}

void target_abort(struct target *t)
{
	struct err e;

	if (!t)
		return;
	err_take(&e);
	t->ops->abort(t);
	release(t);
	err_put(&e);
}

const char *target_path(const struct target *t)
{
	return t->place.path;
}

uint64_t target_room(const struct target *t)
{
	return t->room;
}
