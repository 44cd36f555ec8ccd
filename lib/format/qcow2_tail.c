/*
 * qcow2_tail: an entry of an L1 or L2 table counts as something that may be shown unless it is
 * 0, so that nothing depends on flags that are not known here.
 *
 *	L2 entry	bit 63 its only user, 62 compressed, 9 to 55 offset, 0 reads as zeros;
 *			with extended L2 entries another 8 bytes for the parts of the cluster
 */
#include "lib/format/qcow2_tail.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"
#include "lib/format/qcow2_entry.h"
#include "lib/format/qcow2_tables.h"

#define PIECE 65536 /* bytes that are read at once */

struct tail {
	const struct qcow2 *q;
	int fd;
	uint64_t len;
};

uint64_t qcow2_tail_limit(const struct qcow2 *q)
{
	uint64_t limit = QCOW2_L1_MAX / QCOW2_ENTRY * qcow2_entry_reach(q);

	return limit < SIZE_LIMIT ? limit : SIZE_LIMIT;
}

/* Whether n bytes at off have one that is not 0: 1, 0, or -1 recorded.  Behind the end is 0. */
static int has_data(const struct tail *t, uint64_t off, uint64_t n)
{
	uint8_t piece[PIECE];
	ssize_t got, i;

	for (; n; off += (uint64_t)got, n -= (uint64_t)got) {
		got = io_pread(t->fd, piece, n < PIECE ? (size_t)n : PIECE, off);
		if (got < 0)
			return err_sys("cannot read at %llu", (unsigned long long)off);
		if (got == 0)
			return 0;
		for (i = 0; i < got; i++)
			if (piece[i])
				return 1;
	}
	return 0;
}

/* One entry of a table; 0 behind the end of the image. */
static int read_entry(const struct tail *t, uint64_t off, uint64_t *entry)
{
	uint8_t bytes[8] = { 0 };

	if (io_pread(t->fd, bytes, sizeof(bytes), off) < 0)
		return err_sys("cannot read at %llu", (unsigned long long)off);
	*entry = get_be64(bytes);
	return 0;
}

/* The cluster in which the disk ends, by its L2 entry. */
static int look_at_last_cluster(struct qcow2_tail *out, const struct tail *t, uint64_t entry)
{
	uint64_t cluster = t->q->cluster_size, part = t->q->size % cluster;
	uint64_t off = entry & QCOW2_ENTRY_OFFSET;
	int found;

	if (entry & QCOW2_ENTRY_COMPRESSED) {
		out->is_stale = true;
		out->ends_in_backing = false;
		return 0;
	}
	out->ends_in_backing =
		qcow2_entry_size(t->q) != QCOW2_ENTRY || (!off && !(entry & QCOW2_ENTRY_ZEROS));
	if (!off || (qcow2_entry_size(t->q) == QCOW2_ENTRY && entry & QCOW2_ENTRY_ZEROS))
		return 0;
	if (off % cluster || off >= t->len)
		return qcow2_tables_refuse("L2 table", "has a cluster outside of the image");
	found = has_data(t, off + part, cluster - part);
	out->is_stale = found > 0;
	return found < 0 ? -1 : 0;
}

/* The L2 table that describes the end of the disk, from there on. */
static int look_at_l2(struct qcow2_tail *out, const struct tail *t, uint64_t table)
{
	uint32_t size = qcow2_entry_size(t->q);
	uint64_t first = t->q->size % qcow2_entry_reach(t->q) / t->q->cluster_size * size,
		 entry = 0;
	int found;

	if (t->q->size % t->q->cluster_size) {
		if (read_entry(t, table + first, &entry) < 0 ||
			look_at_last_cluster(out, t, entry) < 0)
			return -1;
		first += size;
	}
	found = has_data(t, table + first, t->q->cluster_size - first);
	if (found > 0)
		out->is_stale = true;
	return found < 0 ? -1 : 0;
}

int qcow2_tail_read(struct qcow2_tail *out, const struct qcow2 *q, int fd, uint64_t len)
{
	const struct tail t = { .q = q, .fd = fd, .len = len };
	uint64_t first = q->size / qcow2_entry_reach(q), table = 0;
	int found;

	out->is_stale = false;
	out->ends_in_backing = q->size % q->cluster_size != 0;
	if (first >= q->l1_size)
		return 0;
	if (read_entry(&t, q->l1_off + first * QCOW2_ENTRY, &table) < 0)
		return -1;
	table &= QCOW2_ENTRY_OFFSET;
	if (table && look_at_l2(out, &t, table) < 0)
		return -1;
	found = has_data(
		&t, q->l1_off + (first + 1) * QCOW2_ENTRY, (q->l1_size - first - 1) * QCOW2_ENTRY);
	if (found > 0)
		out->is_stale = true;
	return found < 0 ? -1 : 0;
}
