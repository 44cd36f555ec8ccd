/*
 * block_zero: some pools do not zero the chunks that they allocate (lvcreate
 * -Zn).  If only a part of such a chunk is written, the rest shows old data of
 * another volume.  So a range that is less than a chunk is written with zeros
 * there, even if it reads as zeros now.
 */
#include "lib/store/block_zero.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/lvm/thin.h"

#define PAGE 4096u
#define PIECE (256u << 10)
#define STEP (64u << 20) /* zeroed by one call, which nothing can interrupt */

void block_zero_init(struct block_zero *z, int fd, bool is_thin)
{
	struct thin_pool pool;
	struct stat st;

	z->fd = fd;
	z->unit = PAGE;
	z->is_stale = false;
	/*
	 * If it has thick snapshots, its pool cannot be found; it is zeroed like other devices.  So
	 * is one with an external origin, since a discard would uncover what is in that.
	 */
	z->is_thin = is_thin && fstat(fd, &st) == 0 && thin_pool_look(&pool, st.st_rdev) == 0 &&
		     !pool.has_origin;
	if (z->is_thin) {
		z->unit = pool.chunk;
		z->is_stale = !pool.zeroes;
	}
	err_clear();
}

static bool is_zeros(const uint8_t *p, uint64_t n)
{
	return *p == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Writes zeros; to a thin volume only where it holds something else, to save space in its pool. */
static int write_zeros(const struct block_zero *z, uint64_t len, uint64_t off)
{
	bool read_first = z->is_thin && !z->is_stale;
	uint8_t *zeros, *piece;
	uint64_t n;
	int r = 0;

	if (len == 0)
		return 0;
	zeros = calloc(2, PIECE);
	if (!zeros)
		return err_set(ST_FAILED, "out of memory");
	piece = zeros + PIECE;
	for (; r == 0 && len; off += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		if (cancel_is_set())
			r = err_set(ST_FAILED, "interrupted");
		else if (read_first && io_pread(z->fd, piece, n, off) != (ssize_t)n)
			r = err_sys("cannot read at %llu", (unsigned long long)off);
		else if (!(read_first && is_zeros(piece, n)) && io_pwrite(z->fd, zeros, n, off) < 0)
			r = err_sys("cannot write at %llu", (unsigned long long)off);
	}
	free(zeros);
	return r;
}

/* Has the device zero a range of units, in steps; writes zeros where it cannot. */
static int zero_units(const struct block_zero *z, uint64_t len, uint64_t off)
{
	uint64_t range[2], step, most = z->unit < STEP ? STEP - STEP % z->unit : z->unit;

	for (; len; off += step, len -= step) {
		if (cancel_check() < 0)
			return -1;
		step = len < most ? len : most;
		range[0] = off;
		range[1] = step;
		if (ioctl(z->fd, z->is_thin ? BLKDISCARD : BLKZEROOUT, range) == 0)
			continue;
		if (errno != EOPNOTSUPP && errno != ENOTTY && errno != EINVAL)
			return err_sys("cannot zero at %llu", (unsigned long long)off);
		if (write_zeros(z, step, off) < 0)
			return -1;
	}
	return 0;
}

int block_zero_range(const struct block_zero *z, uint64_t len, uint64_t off)
{
	uint64_t head = (z->unit - off % z->unit) % z->unit, body;

	head = head < len ? head : len;
	body = (len - head) - (len - head) % z->unit;
	if (write_zeros(z, head, off) < 0 || zero_units(z, body, off + head) < 0)
		return -1;
	return write_zeros(z, len - head - body, off + head + body);
}
