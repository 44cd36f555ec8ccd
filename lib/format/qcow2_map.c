/*
 * qcow2_map: find_run() finds the part of the disk that one entry of a table describes, and
 * qcow2_map_at() joins such parts.  A piece of the L1 table and the QCOW2_MAP_SLOTS pieces of L2
 * tables that were used last are kept in memory.
 */
#include "lib/format/qcow2_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_entry.h"
#include "lib/format/qcow2_tables.h"

#define PIECE 32768u	   /* bytes of a table that are read at once */
#define EXTENDED_MIN 16384 /* bytes of the smallest cluster that can have subclusters */
#define SUBCLUSTERS 32

static int refuse_l2(const char *why)
{
	return qcow2_tables_refuse("L2 table", why);
}

static bool has_subclusters(const struct qcow2_map *m)
{
	return m->entry == QCOW2_ENTRY_EXTENDED;
}

static bool is_zeros(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Whether all of it is in a hole.  A block device has none. */
static bool is_hole(const struct qcow2_map *m, uint64_t off, size_t n)
{
	off_t data = lseek(m->fd, (off_t)off, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO; /* there is no data from there on */
	return (uint64_t)data >= off + n;
}

/* Reads n bytes of a table.  What is behind the end of the file is zeros, as in QEMU. */
static int read_piece(struct qcow2_map *m, struct qcow2_map_piece *p, uint64_t off, size_t n)
{
	ssize_t got;

	p->used = ++m->uses;
	if (p->off == off)
		return 0;
	p->off = UINT64_MAX;
	if (cancel_check() < 0)
		return -1;
	p->is_zeros = is_hole(m, off, n);
	if (!p->is_zeros) {
		got = io_pread(m->fd, p->bytes, n, off);
		if (got < 0)
			return err_sys("cannot read at %llu", (unsigned long long)off);
		memset(p->bytes + got, 0, n - (size_t)got);
		p->is_zeros = is_zeros(p->bytes, n);
	}
	p->off = off;
	return 0;
}

/*
 * Entry i of the L1 table: the offset of the L2 table in *table.  If that is 0, *count entries from
 * i on have none; that may be fewer than there are.
 */
static int read_l1(struct qcow2_map *m, uint64_t i, uint64_t *table, uint64_t *count)
{
	uint64_t first = i - i % (PIECE / QCOW2_ENTRY), n = m->q->l1_size - first, entry;

	if (n > PIECE / QCOW2_ENTRY)
		n = PIECE / QCOW2_ENTRY;
	if (read_piece(m, &m->l1, m->q->l1_off + first * QCOW2_ENTRY, (size_t)n * QCOW2_ENTRY) < 0)
		return -1;
	*table = 0;
	*count = first + n - i;
	if (m->l1.is_zeros)
		return 0;
	*count = 1;
	entry = get_be64(m->l1.bytes + (i - first) * QCOW2_ENTRY);
	if (entry & ~(QCOW2_ENTRY_OFFSET | QCOW2_ENTRY_COPIED))
		return qcow2_tables_refuse("L1 table", "has an entry with a reserved bit");
	*table = entry & QCOW2_ENTRY_OFFSET;
	if (*table % m->q->cluster_size)
		return refuse_l2("is not aligned to a cluster");
	if (*table >= m->len)
		return refuse_l2("is outside of the image");
	return 0;
}

/* The piece of an L2 table that is at off in the layer.  NULL recorded. */
static const struct qcow2_map_piece *read_l2(struct qcow2_map *m, uint64_t off, size_t n)
{
	struct qcow2_map_piece *p = &m->l2[0];
	unsigned i;

	for (i = 0; i < QCOW2_MAP_SLOTS; i++) {
		if (m->l2[i].off == off) {
			p = &m->l2[i];
			break;
		}
		if (m->l2[i].used < p->used)
			p = &m->l2[i];
	}
	return read_piece(m, p, off, n) < 0 ? NULL : p;
}

/* Sets where the data of run is.  It ends with the file. */
static void set_host(const struct qcow2_map *m, uint64_t host, struct qcow2_run *run)
{
	run->host = host;
	if (qcow2_has_data_file(m->q))
		return;
	if (host >= m->len) {
		run->kind = QCOW2_ZEROS;
		run->host = 0;
	} else if (run->len > m->len - host) {
		run->len = m->len - host;
	}
}

static int decode_compressed(
	const struct qcow2_map *m, uint64_t entry, uint64_t bitmap, struct qcow2_run *run)
{
	uint64_t n, host = qcow2_entry_compressed(m->q, entry, &n);

	if (qcow2_has_data_file(m->q))
		return refuse_l2("has a compressed cluster, but the data is in another file");
	if (bitmap)
		return refuse_l2("has a compressed cluster with subclusters");
	if (host >= m->len)
		return refuse_l2("has a compressed cluster outside of the image");
	run->kind = QCOW2_COMPRESSED;
	run->host = host;
	run->host_len = (uint32_t)(n < m->len - host ? n : m->len - host);
	return 0;
}

/* Sets the kind of the subcluster at off, and how far it goes on in the cluster. */
static int decode_subclusters(
	const struct qcow2_map *m, uint64_t bitmap, bool is_allocated, struct qcow2_run *run)
{
	uint32_t in = (uint32_t)bitmap, zeros = (uint32_t)(bitmap >> 32), same;
	uint64_t size = m->q->cluster_size / SUBCLUSTERS, at = run->off % m->q->cluster_size;
	unsigned i = (unsigned)(at / size), count;

	if (in & zeros || (in && !is_allocated))
		return refuse_l2("has impossible subclusters");
	if (zeros >> i & 1) {
		run->kind = QCOW2_ZEROS;
		same = zeros;
	} else if (in >> i & 1) {
		run->kind = QCOW2_DATA;
		same = in;
	} else {
		run->kind = QCOW2_UNALLOCATED;
		same = ~(in | zeros);
	}
	count = (unsigned)__builtin_ctzll(~(uint64_t)(same >> i));
	run->len = (i + count) * size - at;
	return 0;
}

/* The part of the cluster with this entry from run->off on. */
static int decode_entry(
	const struct qcow2_map *m, uint64_t entry, uint64_t bitmap, struct qcow2_run *run)
{
	uint64_t at = run->off % m->q->cluster_size, host = entry & QCOW2_ENTRY_OFFSET, allowed;
	bool data_file = qcow2_has_data_file(m->q), is_allocated;

	run->len = m->q->cluster_size - at;
	if (entry & QCOW2_ENTRY_COMPRESSED)
		return decode_compressed(m, entry, bitmap, run);
	allowed = QCOW2_ENTRY_OFFSET | QCOW2_ENTRY_COPIED;
	if (m->q->version >= 3 && !has_subclusters(m))
		allowed |= QCOW2_ENTRY_ZEROS;
	if (entry & ~allowed)
		return refuse_l2("has an entry with a reserved bit");
	if (host % m->q->cluster_size)
		return refuse_l2("has a cluster that is not aligned");
	is_allocated =
		host || (data_file && entry & QCOW2_ENTRY_COPIED && !(entry & QCOW2_ENTRY_ZEROS));
	if (data_file && is_allocated && host != run->off - at)
		return refuse_l2("has a cluster at a wrong offset of the data file");
	if (has_subclusters(m)) {
		if (decode_subclusters(m, bitmap, is_allocated, run) < 0)
			return -1;
	} else if (entry & QCOW2_ENTRY_ZEROS) {
		run->kind = QCOW2_ZEROS;
	} else {
		run->kind = is_allocated ? QCOW2_DATA : QCOW2_UNALLOCATED;
	}
	if (run->kind == QCOW2_DATA)
		set_host(m, host + at, run);
	return 0;
}

static int find_in_l2(struct qcow2_map *m, uint64_t table, struct qcow2_run *run)
{
	uint64_t cluster = m->q->cluster_size, in_table = run->off % m->reach;
	uint64_t at = in_table / cluster * m->entry, span;
	size_t n = cluster < PIECE ? (size_t)cluster : PIECE;
	const struct qcow2_map_piece *p = read_l2(m, table + at / n * n, n);
	const uint8_t *entry;

	if (!p)
		return -1;
	if (p->is_zeros) {
		span = n / m->entry * cluster;
		run->len = span - in_table % span;
		return 0;
	}
	entry = p->bytes + at % n;
	return decode_entry(m, get_be64(entry), has_subclusters(m) ? get_be64(entry + 8) : 0, run);
}

/* What is at off, as far as one entry of a table tells. */
static int find_run(struct qcow2_map *m, uint64_t off, struct qcow2_run *run)
{
	uint64_t table, count;

	*run = (struct qcow2_run){ .kind = QCOW2_UNALLOCATED, .off = off };
	if (read_l1(m, off / m->reach, &table, &count) < 0)
		return -1;
	if (!table)
		run->len = count * m->reach - off % m->reach;
	else if (find_in_l2(m, table, run) < 0)
		return -1;
	if (run->len > m->q->size - off)
		run->len = m->q->size - off;
	return 0;
}

static bool can_join(const struct qcow2_run *run, const struct qcow2_run *next)
{
	if (run->kind != next->kind || run->kind == QCOW2_COMPRESSED)
		return false;
	return run->kind != QCOW2_DATA || run->host + run->len == next->host;
}

int qcow2_map_at(struct qcow2_map *m, uint64_t off, uint64_t max, struct qcow2_run *run)
{
	struct qcow2_run next;

	if (find_run(m, off, run) < 0)
		return -1;
	while (run->len < max && run->kind != QCOW2_COMPRESSED && off + run->len < m->q->size) {
		if (find_run(m, off + run->len, &next) < 0)
			return -1;
		if (!can_join(run, &next))
			break;
		run->len += next.len;
	}
	if (run->len > max)
		run->len = max;
	return 0;
}

static int check_header(const struct qcow2_map *m)
{
	const struct qcow2 *q = m->q;
	char text[QCOW2_TEXT_MAX];
	unsigned i;

	for (i = 0; i < QCOW2_FEATURES; i++)
		if (qcow2_unknown_feature(q, i, text))
			return err_set(ST_REFUSED,
				"the qcow2 image has a feature that is not supported: %s", text);
	if (has_subclusters(m) && q->cluster_size < EXTENDED_MIN)
		return qcow2_tables_refuse(
			"L2 table", "is extended, but its clusters are too small");
	if (qcow2_tables_check_l1(q, m->len) < 0)
		return -1;
	if (q->size / m->reach + (q->size % m->reach != 0) > q->l1_size)
		return qcow2_tables_refuse("L1 table", "is too small");
	return 0;
}

int qcow2_map_init(struct qcow2_map *m, const struct qcow2 *q, int fd, uint64_t len)
{
	unsigned i;

	*m = (struct qcow2_map){ .q = q, .fd = fd, .len = len };
	m->entry = qcow2_entry_size(q);
	m->reach = qcow2_entry_reach(q);
	if (check_header(m) < 0)
		return -1;
	m->memory = malloc((size_t)PIECE * (1 + QCOW2_MAP_SLOTS));
	if (!m->memory)
		return err_set(ST_FAILED, "out of memory");
	m->l1.bytes = m->memory;
	m->l1.off = UINT64_MAX;
	for (i = 0; i < QCOW2_MAP_SLOTS; i++) {
		m->l2[i].bytes = m->memory + (size_t)PIECE * (1 + i);
		m->l2[i].off = UINT64_MAX;
	}
	return 0;
}

void qcow2_map_fini(struct qcow2_map *m)
{
	free(m->memory);
	m->memory = NULL;
}
