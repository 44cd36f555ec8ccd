/*
 * xfs_log: the log is a ring of records, each of which has a number that only increases (LSN:
 * how often the ring was filled, and the block).  All of it is read to find the last one, since
 *what the ring's other blocks hold is not trusted.  Big-endian, in blocks of 512 bytes:
 *
 *	 0  4  0xFEEDBABE		  4  4  cycle
 *	 8  4  version, 1 or 2		 12  4  bytes of the record
 *	16  8  LSN			 24  8  LSN of the oldest record that is still needed
 *	40  4  number of operations	304 16  UUID of the filesystem
 *	320 4  bytes of a log buffer: version 2 has a further header block for each 32 KiB
 *
 * Then the operations; the first begins with 4 bytes that are not looked at, 4 bytes length,
 * 1 byte client, 1 byte flags, of which 0x20 is: unmounted.
 */
#include "lib/format/xfs_log.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"

#define MAGIC 0xfeedbabeu
#define BLOCK 512u
#define CHUNK (1u << 20)
#define HEADER_PER (32u << 10)
#define UNMOUNTED 0x20
#define BLOCKS_MAX (UINT64_C(2) << 30 >> 9)

struct xfs_log {
	uint64_t at;	 /* bytes, in fd */
	uint64_t blocks; /* of 512 bytes */
	const uint8_t *uuid;
};

/* The last record that was found. */
struct record {
	uint64_t lsn, block;
	uint32_t ops, headers;
};

static uint64_t get_be(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	while (size-- > 0)
		v = v << 8 | *p++;
	return v;
}

/* Whether the log is within the filesystem. */
static bool find_log(struct xfs_log *l, uint64_t off, uint64_t len, const uint8_t *sb)
{
	uint64_t block = get_be(sb + 4, 4), start = get_be(sb + 48, 8);
	uint64_t group_blocks = get_be(sb + 84, 4), blocks = get_be(sb + 96, 4);
	unsigned shift = sb[124]; /* of the group's number, in a block number */
	uint64_t group, begin;

	if (start == 0 || shift == 0 || shift > 31)
		return false;
	group = start >> shift;
	if (group > UINT32_MAX)
		return false;
	begin = group * group_blocks + (start & ((UINT64_C(1) << shift) - 1));
	if (begin > len / block || blocks > len / block - begin)
		return false;
	l->at = off + begin * block;
	l->blocks = blocks * block / BLOCK;
	l->uuid = sb + 32;
	return l->blocks > 0 && l->blocks <= BLOCKS_MAX;
}

/* Takes the header at p, if it is one and later than r's. */
static void look_at_block(
	const struct xfs_log *l, const uint8_t *p, uint64_t block, struct record *r)
{
	uint64_t lsn, size;

	if (get_be(p, 4) != MAGIC || memcmp(p + 304, l->uuid, 16) != 0)
		return;
	lsn = get_be(p + 16, 8);
	if (lsn >> 32 != get_be(p + 4, 4) || (lsn & UINT32_MAX) != block || lsn <= r->lsn)
		return;
	size = get_be(p + 320, 4);
	r->lsn = lsn;
	r->block = block;
	r->ops = (uint32_t)get_be(p + 40, 4);
	r->headers = 1;
	if (get_be(p + 8, 4) & 2 && size > HEADER_PER)
		r->headers = (uint32_t)((size + HEADER_PER - 1) / HEADER_PER);
}

static int read_blocks(int fd, uint8_t *p, uint64_t n, uint64_t off)
{
	ssize_t got = io_pread(fd, p, (size_t)n, off);

	if (got < 0)
		return err_sys("cannot read the log of XFS");
	memset(p + got, 0, (size_t)n - (size_t)got);
	return 0;
}

static int find_last_record(const struct xfs_log *l, int fd, uint8_t *chunk, struct record *r)
{
	uint64_t block = 0, n, i;

	memset(r, 0, sizeof(*r));
	for (; block < l->blocks; block += n) {
		n = l->blocks - block < CHUNK / BLOCK ? l->blocks - block : CHUNK / BLOCK;
		if (read_blocks(fd, chunk, n * BLOCK, l->at + block * BLOCK) < 0)
			return -1;
		for (i = 0; i < n; i++)
			look_at_block(l, chunk + i * BLOCK, block + i, r);
	}
	return 0;
}

int xfs_log_is_clean(int fd, uint64_t off, uint64_t len, const uint8_t sb[XFS_LOG_SUPER])
{
	struct xfs_log l;
	struct record last;
	uint8_t *chunk;
	int r;

	if (!find_log(&l, off, len, sb))
		return 0;
	chunk = malloc(CHUNK);
	if (!chunk)
		return err_set(ST_FAILED, "out of memory");
	r = find_last_record(&l, fd, chunk, &last);
	if (r == 0 && last.lsn && last.ops == 1) {
		r = read_blocks(
			fd, chunk, BLOCK, l.at + (last.block + last.headers) % l.blocks * BLOCK);
		if (r == 0)
			r = (chunk[9] & UNMOUNTED) != 0;
	}
	free(chunk);
	return r;
}
