/*
 * target_volume_zero: a thin volume gives a range back to its pool, whole chunks of
 * it, and then reads as zeros there; a thick one is asked to zero it, or written.
 *
 * Where a pool does not zero what it gives (lvcreate -Zn), a chunk that is
 * written in part shows in the rest what somebody else had there.  So what is
 * no whole chunk has to be written there, even if it reads as zeros now.
 */
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
#include "lib/store/target_state.h"

#define PAGE 4096u
#define PIECE (256u << 10)
#define STEP (64u << 20) /* zeroed by one call, which nothing can interrupt */

void target_volume_zero_init(struct target *t, bool is_thin)
{
	struct thin_pool pool;
	struct stat st;

	t->unit = PAGE;
	/* Of one below a thick snapshot's table that is not told, and zeros do, too. */
	t->thin = is_thin && fstat(t->fd, &st) == 0 && thin_pool_look(&pool, st.st_rdev) == 0;
	if (t->thin) {
		t->unit = pool.chunk;
		t->stale = !pool.zeroes;
	}
	err_clear();
}

/* Of a thin one only what is not zeros already, which costs its pool nothing. */
static int zero_bytes(struct target *t, uint64_t len, uint64_t off)
{
	uint8_t *piece;
	uint64_t n;
	int r = 0;

	if (!t->thin || t->stale || len == 0)
		return len ? target_write_zeros(t, len, off) : 0;
	piece = malloc(PIECE);
	if (!piece)
		return err_set(ST_FAILED, "out of memory");
	for (; r == 0 && len; off += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		if (cancel_is_set())
			r = err_set(ST_FAILED, "interrupted");
		else if (io_pread(t->fd, piece, n, off) != (ssize_t)n)
			r = err_sys("cannot read at %llu", (unsigned long long)off);
		else if (!(*piece == 0 && memcmp(piece, piece + 1, n - 1) == 0))
			r = target_write_zeros(t, n, off);
	}
	free(piece);
	return r;
}

/* By the device, which may have a faster way than bytes, in steps; else by bytes. */
static int zero_units(struct target *t, uint64_t len, uint64_t off)
{
	uint64_t range[2], step, most = t->unit < STEP ? STEP - STEP % t->unit : t->unit;

	for (; len; off += step, len -= step) {
		if (cancel_is_set())
			return err_set(ST_FAILED, "interrupted");
		step = len < most ? len : most;
		range[0] = off;
		range[1] = step;
		if (ioctl(t->fd, t->thin ? BLKDISCARD : BLKZEROOUT, range) == 0)
			continue;
		if (errno != EOPNOTSUPP && errno != ENOTTY && errno != EINVAL)
			return err_sys("cannot zero at %llu", (unsigned long long)off);
		if (zero_bytes(t, step, off) < 0)
			return -1;
	}
	return 0;
}

int target_volume_zero(struct target *t, uint64_t len, uint64_t off)
{
	uint64_t head = (t->unit - off % t->unit) % t->unit, body;

	t->touched = true;
	head = head < len ? head : len;
	body = (len - head) - (len - head) % t->unit;
	if (zero_bytes(t, head, off) < 0 || zero_units(t, body, off + head) < 0)
		return -1;
	return zero_bytes(t, len - head - body, off + head + body);
}
