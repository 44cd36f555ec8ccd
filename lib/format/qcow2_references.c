/*
 * qcow2_references: tables are read in pieces, and nothing that they say is kept, so that memory
 * does not depend on them.  The budget bounds the time.
 */
#include "lib/format/qcow2_references.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_entry.h"
#include "lib/format/qcow2_tables.h"

#define PIECE 65536u /* bytes of a table that are read at once */
#define SNAPSHOT_ENTRY 40
#define SNAPSHOT_EXTRA_V3 16
#define SNAPSHOT_EXTRA_MAX 1024
#define BITMAP_ENTRY 24

static const char l1_table[] = "L1 table", l2_table[] = "L2 table",
		  snapshot_table[] = "table of snapshots", bitmap_table[] = "table of a bitmap";

uint64_t qcow2_references_clusters(const struct qcow2_references *r)
{
	return r->len / r->q->cluster_size + (r->len % r->q->cluster_size != 0);
}

int qcow2_references_read(struct qcow2_references *r, void *p, size_t n, uint64_t off)
{
	ssize_t got;

	if (cancel_check() < 0)
		return -1;
	if (n > r->left)
		return err_set(ST_FAILED, "it takes too long to check its structure");
	r->left -= n;
	got = io_pread(r->fd, p, n, off);
	if (got < 0)
		return err_sys("cannot read at %llu", (unsigned long long)off);
	memset((uint8_t *)p + got, 0, n - (size_t)got);
	return 0;
}

int qcow2_references_add(struct qcow2_references *r, const struct qcow2_reference *ref)
{
	uint64_t last;

	if (ref->len == 0)
		return 0;
	last = ref->off + (ref->len - 1);
	if (last < ref->off || last / r->q->cluster_size >= qcow2_references_clusters(r))
		return qcow2_tables_refuse(ref->what, "is outside of the image");
	return r->each(r->arg, ref);
}

/* A table of its own. */
static int add_table(struct qcow2_references *r, const char *what, uint64_t off, uint64_t len)
{
	const struct qcow2_reference ref = {
		.what = what, .off = off, .len = len, .is_alone = true
	};

	if (off % r->q->cluster_size)
		return qcow2_tables_refuse(what, "is not aligned to a cluster");
	return qcow2_references_add(r, &ref);
}

static enum qcow2_copied copied_of(uint64_t entry, bool is_active)
{
	if (!is_active)
		return QCOW2_COPIED_NONE;
	return entry & QCOW2_ENTRY_COPIED ? QCOW2_COPIED_YES : QCOW2_COPIED_NO;
}

static int add_compressed(struct qcow2_references *r, uint64_t entry, uint64_t bitmap)
{
	uint64_t len, host = qcow2_entry_compressed(r->q, entry, &len);
	/* The sectors belong to it, from their beginning. */
	const struct qcow2_reference ref = { .what = "compressed cluster",
		.off = host - host % QCOW2_SECTOR,
		.len = host % QCOW2_SECTOR + len };

	if (qcow2_has_data_file(r->q))
		return qcow2_tables_refuse(
			l2_table, "has a compressed cluster, but the data is in another file");
	if (entry & QCOW2_ENTRY_COPIED)
		return qcow2_tables_refuse(
			l2_table, "has a compressed cluster with the flag 'copied'");
	if (bitmap)
		return qcow2_tables_refuse(l2_table, "has a compressed cluster with subclusters");
	return qcow2_references_add(r, &ref);
}

/* The entry for the cluster of the disk at guest. */
static int add_cluster(
	struct qcow2_references *r, uint64_t entry, uint64_t bitmap, uint64_t guest, bool is_active)
{
	bool is_extended = r->q->incompatible & QCOW2_EXTENDED_L2, is_allocated;
	bool data_file = qcow2_has_data_file(r->q);
	uint64_t allowed = QCOW2_ENTRY_OFFSET | QCOW2_ENTRY_COPIED,
		 host = entry & QCOW2_ENTRY_OFFSET;
	uint32_t in = (uint32_t)bitmap, zeros = (uint32_t)(bitmap >> 32);
	const struct qcow2_reference ref = { .what = "cluster of data",
		.off = host,
		.len = r->q->cluster_size,
		.copied = copied_of(entry, is_active) };

	if (entry & QCOW2_ENTRY_COMPRESSED)
		return add_compressed(r, entry, bitmap);
	if (r->q->version >= 3 && !is_extended)
		allowed |= QCOW2_ENTRY_ZEROS;
	if (entry & ~allowed)
		return qcow2_tables_refuse(l2_table, "has an entry with a reserved bit");
	if (host % r->q->cluster_size)
		return qcow2_tables_refuse(l2_table, "has a cluster that is not aligned");
	is_allocated = host || (data_file && entry & QCOW2_ENTRY_COPIED);
	if (in & zeros || (in && !is_allocated))
		return qcow2_tables_refuse(l2_table, "has impossible subclusters");
	if (data_file) {
		if (host && host != guest)
			return qcow2_tables_refuse(
				l2_table, "has a cluster at a wrong offset of the data file");
		return 0;
	}
	return host ? qcow2_references_add(r, &ref) : 0;
}

/* The L2 table at off, which describes the disk from guest on. */
static int walk_l2(struct qcow2_references *r, uint64_t off, uint64_t guest, bool is_active)
{
	size_t entry = qcow2_entry_size(r->q), i;
	uint32_t cluster = r->q->cluster_size, at, n = cluster < PIECE ? cluster : PIECE;
	const uint8_t *p;
	uint64_t bitmap;

	for (at = 0; at < cluster; at += n) {
		if (qcow2_references_read(r, r->l2, n, off + at) < 0)
			return -1;
		for (i = 0; i < n; i += entry, guest += cluster) {
			p = r->l2 + i;
			bitmap = entry == QCOW2_ENTRY_EXTENDED ? get_be64(p + QCOW2_ENTRY) : 0;
			if ((get_be64(p) || bitmap) &&
				add_cluster(r, get_be64(p), bitmap, guest, is_active) < 0)
				return -1;
		}
	}
	return 0;
}

static int walk_l1_entry(struct qcow2_references *r, uint64_t entry, uint64_t i, bool is_active)
{
	uint64_t reach = qcow2_entry_reach(r->q);
	const struct qcow2_reference ref = { .what = l2_table,
		.off = entry & QCOW2_ENTRY_OFFSET,
		.len = r->q->cluster_size,
		.copied = copied_of(entry, is_active) };

	if (entry & ~(QCOW2_ENTRY_OFFSET | QCOW2_ENTRY_COPIED))
		return qcow2_tables_refuse(l1_table, "has an entry with a reserved bit");
	if (ref.off == 0)
		return 0;
	if (ref.off % r->q->cluster_size)
		return qcow2_tables_refuse(l2_table, "is not aligned to a cluster");
	if (qcow2_references_add(r, &ref) < 0)
		return -1;
	return walk_l2(r, ref.off, i * reach, is_active);
}

/* Entry i of a table. */
typedef int each_entry(struct qcow2_references *r, uint64_t entry, uint64_t i, bool is_active);

/* Calls each for all entries of the table at off, which are read into `piece` a part at a time. */
static int walk_table(struct qcow2_references *r, const char *what, uint64_t off, uint32_t entries,
	uint8_t *piece, each_entry *each, bool is_active)
{
	uint32_t first, i, n;

	if ((uint64_t)entries * QCOW2_ENTRY > QCOW2_L1_MAX)
		return qcow2_tables_refuse(what, "is too large");
	if (add_table(r, what, off, (uint64_t)entries * QCOW2_ENTRY) < 0)
		return -1;
	for (first = 0; first < entries; first += n) {
		n = entries - first < PIECE / QCOW2_ENTRY ? entries - first : PIECE / QCOW2_ENTRY;
		if (qcow2_references_read(r, piece, (size_t)n * QCOW2_ENTRY,
			    off + (uint64_t)first * QCOW2_ENTRY) < 0)
			return -1;
		for (i = 0; i < n; i++)
			if (each(r, get_be64(piece + (size_t)i * QCOW2_ENTRY), first + i,
				    is_active) < 0)
				return -1;
	}
	return 0;
}

static int walk_l1(struct qcow2_references *r, uint64_t off, uint32_t entries, bool is_active)
{
	return walk_table(r, l1_table, off, entries, r->l1, walk_l1_entry, is_active);
}

/* Reads the fixed part of entry i at off; *size is its length with what follows, padded. */
static int read_snapshot(
	struct qcow2_references *r, uint64_t off, uint64_t *l1, uint32_t *entries, uint64_t *size)
{
	uint8_t b[SNAPSHOT_ENTRY];
	uint32_t extra;

	if (qcow2_references_read(r, b, sizeof(b), off) < 0)
		return -1;
	*l1 = get_be64(b);
	*entries = get_be32(b + 8);
	extra = get_be32(b + 36);
	if (extra > SNAPSHOT_EXTRA_MAX)
		return qcow2_tables_refuse(snapshot_table, "has too much extra data");
	if (r->q->version >= 3 && extra < SNAPSHOT_EXTRA_V3)
		return qcow2_tables_refuse(snapshot_table, "has an incomplete entry");
	*size = SNAPSHOT_ENTRY + extra + get_be16(b + 12) + get_be16(b + 14);
	*size = (*size + 7) / 8 * 8;
	return 0;
}

static int walk_snapshots(struct qcow2_references *r)
{
	uint64_t off = r->q->snapshots_off, l1, size = 0;
	uint32_t i, entries;

	for (i = 0; i < r->q->snapshots; i++, off += size)
		if (read_snapshot(r, off, &l1, &entries, &size) < 0 ||
			walk_l1(r, l1, entries, false) < 0)
			return -1;
	return add_table(r, snapshot_table, r->q->snapshots_off, off - r->q->snapshots_off);
}

static int walk_bitmap_entry(struct qcow2_references *r, uint64_t entry, uint64_t i, bool is_active)
{
	const struct qcow2_reference ref = { .what = "cluster of a bitmap",
		.off = entry & QCOW2_ENTRY_OFFSET,
		.len = r->q->cluster_size };

	(void)i;
	(void)is_active;
	if (entry & ~QCOW2_ENTRY_OFFSET & ~(ref.off ? 0 : UINT64_C(1)))
		return qcow2_tables_refuse(bitmap_table, "has an entry with a reserved bit");
	if (ref.off % r->q->cluster_size)
		return qcow2_tables_refuse(bitmap_table, "has a cluster that is not aligned");
	return ref.off ? qcow2_references_add(r, &ref) : 0;
}

static int walk_bitmaps(struct qcow2_references *r)
{
	static const char directory[] = "directory of bitmaps";
	uint64_t off = r->q->bitmaps_off, end = off + r->q->bitmaps_size, size;
	uint8_t b[BITMAP_ENTRY];
	uint32_t i;

	if (!(r->q->autoclear & QCOW2_BITMAPS) || r->q->bitmaps == 0)
		return 0;
	if (r->q->bitmaps > QCOW2_SNAPSHOTS_MAX || end < off || end > r->len)
		return qcow2_tables_refuse(directory, "is outside of the image");
	if (add_table(r, directory, off, r->q->bitmaps_size) < 0)
		return -1;
	for (i = 0; i < r->q->bitmaps; i++, off += size) {
		if (end - off < sizeof(b))
			return qcow2_tables_refuse(directory, "is too short");
		if (qcow2_references_read(r, b, sizeof(b), off) < 0)
			return -1;
		size = BITMAP_ENTRY + (uint64_t)get_be16(b + 18) + get_be32(b + 20);
		size = (size + 7) / 8 * 8;
		if (size > end - off)
			return qcow2_tables_refuse(directory, "is too short");
		if (walk_table(r, bitmap_table, get_be64(b), get_be32(b + 8), r->piece,
			    walk_bitmap_entry, false) < 0)
			return -1;
	}
	return off == end ? 0 : qcow2_tables_refuse(directory, "is too long");
}

int qcow2_references_walk(struct qcow2_references *r, qcow2_references_each *each, void *arg)
{
	r->each = each;
	r->arg = arg;
	if (add_table(r, "header", 0, r->q->cluster_size) < 0 ||
		walk_l1(r, r->q->l1_off, r->q->l1_size, true) < 0 || walk_snapshots(r) < 0)
		return -1;
	return walk_bitmaps(r);
}

int qcow2_references_init(
	struct qcow2_references *r, const struct qcow2 *q, int fd, uint64_t len, uint64_t budget)
{
	*r = (struct qcow2_references){ .q = q, .fd = fd, .len = len, .left = budget };
	r->l1 = malloc((size_t)3 * PIECE);
	if (!r->l1)
		return err_set(ST_FAILED, "out of memory");
	r->l2 = r->l1 + PIECE;
	r->piece = r->l2 + PIECE;
	return 0;
}

void qcow2_references_fini(struct qcow2_references *r)
{
	free(r->l1);
	r->l1 = NULL;
}
