/*
 * qcow2_mapped: every L2 table is read once, as qcow2_tables_check() refuses one that is entered
 * twice.  An entry is not judged here: bits that are reserved are left out.
 */
#include "lib/format/qcow2_mapped.h"

#include <errno.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_entry.h"
#include "lib/format/qcow2_tables.h"

#define PIECE 65536   /* bytes of a table that are read at once */
#define HOLE_COST 512 /* to look for a hole takes as long as to read that */

struct mapped {
	const struct qcow2 *q;
	int fd;
	uint64_t len;
	uint64_t *left;
	uint64_t last; /* the end of the last byte that a table names; at most len */
};

static int spend_on_tables(struct mapped *m, uint64_t n)
{
	if (n > *m->left)
		return err_set(ST_FAILED, "it takes too long to find the end");
	*m->left -= n;
	return cancel_check();
}

static void reach(struct mapped *m, uint64_t off, uint64_t n)
{
	uint64_t end = off >= m->len ? 0 : n > m->len - off ? m->len : off + n;

	if (m->last < end)
		m->last = end;
}

/* The entry of a cluster.  An external data file has its clusters elsewhere. */
static void reach_cluster(struct mapped *m, uint64_t entry)
{
	uint64_t off = entry & QCOW2_ENTRY_OFFSET, n = m->q->cluster_size;

	if (qcow2_has_data_file(m->q))
		return;
	if (entry & QCOW2_ENTRY_COMPRESSED)
		off = qcow2_entry_compressed(m->q, entry, &n);
	if (off)
		reach(m, off, n);
}

/* Reads n bytes of a table into piece; what is behind the end of the file is zeros. */
static ssize_t read_table_piece(struct mapped *m, uint8_t *piece, uint64_t n, uint64_t off)
{
	ssize_t got;

	if (n > PIECE)
		n = PIECE;
	if (spend_on_tables(m, n) < 0)
		return -1;
	got = io_pread(m->fd, piece, (size_t)n, off);
	return got < 0 ? err_sys("cannot read at %llu", (unsigned long long)off) : got;
}

static int reach_table(struct mapped *m, uint64_t table)
{
	unsigned size = qcow2_entry_size(m->q);
	uint64_t cluster = m->q->cluster_size, at;
	off_t data = lseek(m->fd, (off_t)table, SEEK_DATA);
	uint8_t piece[PIECE];
	ssize_t got, i;

	reach(m, table, cluster);
	if (spend_on_tables(m, HOLE_COST) < 0)
		return -1;
	if (data < 0 ? errno == ENXIO : (uint64_t)data >= table + cluster)
		return 0;
	for (at = 0; at < cluster; at += PIECE) {
		got = read_table_piece(m, piece, cluster - at, table + at);
		if (got < 0)
			return -1;
		for (i = 0; i + QCOW2_ENTRY <= got; i += size)
			reach_cluster(m, get_be64(piece + i));
	}
	return 0;
}

static int reach_all(struct mapped *m)
{
	uint64_t at, bytes = (uint64_t)m->q->l1_size * QCOW2_ENTRY, table;
	uint8_t piece[PIECE];
	ssize_t got, i;

	for (at = 0; at < bytes; at += PIECE) {
		got = read_table_piece(m, piece, bytes - at, m->q->l1_off + at);
		if (got < 0)
			return -1;
		for (i = 0; i + QCOW2_ENTRY <= got; i += QCOW2_ENTRY) {
			table = get_be64(piece + i) & QCOW2_ENTRY_OFFSET;
			if (table && reach_table(m, table) < 0)
				return -1;
		}
	}
	return 0;
}

int qcow2_mapped_end(const struct qcow2 *q, int fd, uint64_t len, uint64_t *left, uint64_t *end)
{
	struct mapped m = { .q = q, .fd = fd, .len = len, .left = left };
	uint64_t cluster = q->cluster_size, found;

	if (spend_on_tables(&m, (uint64_t)q->l1_size * QCOW2_ENTRY) < 0 ||
		qcow2_tables_check(q, fd, len) < 0 || reach_all(&m) < 0)
		return -1;
	found = m.last ? (m.last - 1) / cluster * cluster + cluster : 0;
	if (*end < found)
		*end = found;
	return 0;
}
