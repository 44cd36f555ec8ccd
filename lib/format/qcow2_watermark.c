/*
 * qcow2_watermark: the table of reference counts is read completely, because its entries must
 * be checked before they are followed: each block of counts is entered once only, so no block is
 * read twice, whatever the table says.  A block in a hole of a sparse file is not read at all.
 */
#include "lib/format/qcow2_watermark.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_mapped.h"
#include "lib/format/qcow2_tables.h"

#define ENTRY 8			     /* bytes of an entry of the table */
#define ENTRY_RESERVED UINT64_C(511) /* bits of it that are 0 */
#define PIECE 65536		     /* bytes of a block that are read at once */
#define HOLE_COST 512		     /* to look for a hole takes as long as to read that */
#define TABLE "table of reference counts"

struct counts {
	const struct qcow2 *q;
	int fd;
	uint64_t len;
	uint64_t *block;    /* offsets of the blocks, 0 if there is none */
	uint32_t blocks;    /* of the table */
	uint64_t per_block; /* clusters that a block counts */
	uint64_t left;	    /* bytes that may still be read */
	uint64_t clusters;  /* of the image; what is counted beyond them is not looked at */
};

static int compare_offsets(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Counts n bytes that are read.  0, or -1 recorded. */
static int spend(struct counts *c, size_t n)
{
	if (n > c->left)
		return err_set(ST_FAILED, "it takes too long to find the end");
	c->left -= n;
	return 0;
}

static int read_exactly(struct counts *c, void *p, size_t n, uint64_t off)
{
	ssize_t got;

	if (spend(c, n) < 0)
		return -1;
	got = io_pread(c->fd, p, n, off);
	if (got < 0)
		return err_sys("cannot read at %llu", (unsigned long long)off);
	return (size_t)got < n ? qcow2_tables_refuse(TABLE, "is outside of the image") : 0;
}

static int check_offset(const struct counts *c, uint64_t off)
{
	if (off & ENTRY_RESERVED || off % c->q->cluster_size)
		return qcow2_tables_refuse(TABLE, "has a block that is not aligned to a cluster");
	if (off >= c->len || c->q->cluster_size > c->len - off)
		return qcow2_tables_refuse(TABLE, "has a block outside of the image");
	return 0;
}

static int check_blocks(const struct counts *c)
{
	uint64_t *sorted = malloc((size_t)c->blocks * ENTRY);
	uint32_t i;
	int r = 0;

	if (!sorted)
		return err_set(ST_FAILED, "out of memory");
	memcpy(sorted, c->block, (size_t)c->blocks * ENTRY);
	qsort(sorted, c->blocks, sizeof(*sorted), compare_offsets);
	for (i = 0; i < c->blocks && r == 0; i++) {
		if (sorted[i] && i && sorted[i] == sorted[i - 1])
			r = qcow2_tables_refuse(TABLE, "has a block twice");
		else if (sorted[i])
			r = check_offset(c, sorted[i]);
	}
	free(sorted);
	return r;
}

static int read_table(struct counts *c)
{
	uint32_t i;

	c->block = malloc((size_t)c->blocks * ENTRY);
	if (!c->block)
		return err_set(ST_FAILED, "out of memory");
	if (read_exactly(c, c->block, (size_t)c->blocks * ENTRY, c->q->refcount_off) < 0)
		return -1;
	for (i = 0; i < c->blocks; i++)
		c->block[i] = get_be64((const uint8_t *)&c->block[i]);
	return check_blocks(c);
}

/* Whether all of a block is in a hole.  A block device has none. */
static bool is_hole(const struct counts *c, uint64_t off)
{
	off_t data = lseek(c->fd, (off_t)off, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO; /* there is no data from there on */
	return (uint64_t)data >= off + c->q->cluster_size;
}

/*
 * The number of the last count that is not 0 in n bytes, plus 1; 0: all are 0.  Counts of less
 * than a byte begin with its lowest bits.
 */
static uint64_t last_count(const uint8_t *p, size_t n, unsigned order)
{
	unsigned bit = 8;

	while (n && p[n - 1] == 0)
		n--;
	if (n == 0)
		return 0;
	if (order >= 3)
		return ((n - 1) >> (order - 3)) + 1;
	while (!(p[n - 1] >> (bit - 1) & 1))
		bit--;
	return ((uint64_t)(n - 1) << (3 - order)) + ((bit - 1) >> order) + 1;
}

/*
 * Looks for the last count that is not 0 among the first `counts` of a block: its number plus 1
 * in *last; 0: all are 0.
 */
static int search_block(struct counts *c, uint64_t off, uint64_t counts, uint64_t *last)
{
	unsigned order = c->q->refcount_order;
	uint64_t bytes = ((counts << order) + 7) / 8, at, found;
	uint8_t piece[PIECE];
	size_t n;

	*last = 0;
	if (spend(c, HOLE_COST) < 0)
		return -1;
	if (is_hole(c, off))
		return 0;
	for (; bytes && *last == 0; bytes = at) {
		at = (bytes - 1) / PIECE * PIECE;
		n = (size_t)(bytes - at);
		if (cancel_check() < 0)
			return -1;
		if (read_exactly(c, piece, n, off + at) < 0)
			return -1;
		/* The last byte may have counts of further clusters. */
		if (order < 3 && (at + n) << (3 - order) > counts)
			piece[n - 1] &= (uint8_t)((1u << ((counts << order) % 8)) - 1);
		found = last_count(piece, n, order);
		if (found)
			*last = (at * 8 >> order) + found;
	}
	return 0;
}

/* The number of clusters up to the last one in use. */
static int search_blocks(struct counts *c, uint64_t *used)
{
	uint64_t i = (c->clusters - 1) / c->per_block, counts, last;

	*used = 0;
	if (i >= c->blocks)
		i = c->blocks - 1;
	do {
		counts = c->clusters - i * c->per_block;
		if (counts > c->per_block)
			counts = c->per_block;
		if (!c->block[i])
			continue;
		if (search_block(c, c->block[i], counts, &last) < 0)
			return -1;
		if (last) {
			*used = i * c->per_block + last;
			return 0;
		}
	} while (i-- > 0);
	return 0;
}

/* Raises *out to the end of a range, rounded up to a cluster. */
static void include(uint64_t *out, const struct counts *c, uint64_t off, uint64_t bytes)
{
	uint64_t cluster = c->q->cluster_size, end;

	if (bytes == 0 || off >= c->len)
		return;
	if (bytes > c->len - off)
		bytes = c->len - off;
	end = (off + bytes - 1) / cluster * cluster + cluster;
	if (*out < end)
		*out = end;
}

static int find_watermark(struct counts *c, uint64_t *out)
{
	const struct qcow2 *q = c->q;
	uint64_t used;
	uint32_t i;

	if (read_table(c) < 0 || search_blocks(c, &used) < 0)
		return -1;
	*out = used * q->cluster_size;
	include(out, c, 0, q->cluster_size);
	include(out, c, q->l1_off, (uint64_t)q->l1_size * ENTRY);
	include(out, c, q->refcount_off, (uint64_t)c->blocks * ENTRY);
	for (i = 0; i < c->blocks; i++)
		if (c->block[i])
			include(out, c, c->block[i], q->cluster_size);
	return 0;
}

static int find_within(const struct qcow2 *q, int fd, uint64_t len, uint64_t reads, uint64_t *out)
{
	struct counts c = { .q = q, .fd = fd, .len = len, .left = reads };
	int r;

	if (len == 0)
		return qcow2_tables_refuse(TABLE, "is outside of the image");
	if (qcow2_tables_check_refcounts(q, len) < 0)
		return -1;
	c.blocks = q->refcount_clusters * (q->cluster_size / ENTRY);
	c.per_block = (uint64_t)q->cluster_size * 8 >> q->refcount_order;
	c.clusters = (len - 1) / q->cluster_size + 1;
	r = find_watermark(&c, out);
	free(c.block);
	if (r == 0 && q->incompatible & QCOW2_DIRTY)
		r = qcow2_mapped_end(q, fd, len, &c.left, out);
	return r;
}

int qcow2_watermark(const struct qcow2 *q, int fd, uint64_t len, uint64_t *out)
{
	return find_within(q, fd, len, UINT64_MAX, out);
}

int qcow2_watermark_soon(const struct qcow2 *q, int fd, uint64_t len, uint64_t *out)
{
	return find_within(q, fd, len, QCOW2_WATERMARK_READS, out);
}
