/*
 * qcow2_make: see qcow2_make.h.  Everything is written at fixed places, so there is nothing that
 * can fail.
 */
#include "lib/format/qcow2_make.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/format/qcow2.h"

#define CLUSTER_BITS 16
#define CLUSTER (UINT64_C(1) << CLUSTER_BITS)
#define REFCOUNT_ORDER 4
#define ENTRY 8 /* bytes of an entry of the tables */
#define PER_TABLE (CLUSTER / ENTRY)
#define PER_BLOCK (CLUSTER * 8 >> REFCOUNT_ORDER) /* clusters that a block counts */
#define HEADER_SIZE 112
#define TABLE_AT CLUSTER /* of reference counts */
#define BLOCK_AT (2 * CLUSTER)
#define L1_AT (3 * CLUSTER)
#define L1_ENTRIES_MAX (QCOW2_MAKE_MAX / (PER_TABLE * CLUSTER))
#define EXT_BACKING_FORMAT 0xe2792acau
#define EXT_FEATURE_NAMES 0x6803f857u
#define FEATURE_ENTRY (2 + QCOW2_FEATURE_NAME)

_Static_assert(L1_AT == QCOW2_MAKE_HEAD, "the L1 table follows the other tables");
_Static_assert(3 + L1_ENTRIES_MAX * ENTRY / CLUSTER <= PER_BLOCK, "one block counts all clusters");

static uint64_t units(uint64_t bytes, uint64_t unit)
{
	return (bytes + unit - 1) / unit;
}

static uint64_t l1_entries(uint64_t size)
{
	return units(size, PER_TABLE * CLUSTER);
}

uint64_t qcow2_make_end(uint64_t size)
{
	return L1_AT + units(l1_entries(size) * ENTRY, CLUSTER) * CLUSTER;
}

/* How many clusters the reference counts of `clusters` others, and of their own, take. */
static uint64_t refcount_clusters(uint64_t clusters)
{
	uint64_t blocks, table, n = 0, last;

	do {
		last = n;
		blocks = units(clusters + n, PER_BLOCK);
		table = units(blocks, PER_TABLE);
		n = blocks + table;
	} while (n != last);
	return n;
}

uint64_t qcow2_make_full(uint64_t size)
{
	uint64_t data = units(size, CLUSTER);
	uint64_t l2 = units(data, PER_TABLE), l1 = units(l2, PER_TABLE);
	uint64_t clusters = 1 + l1 + l2 + data;

	return (clusters + refcount_clusters(clusters)) * CLUSTER;
}

static uint8_t *put_extension(uint8_t *p, uint32_t type, const void *data, uint32_t len)
{
	put_be32(p, type);
	put_be32(p + 4, len);
	memcpy(p + 8, data, len);
	return p + 8 + units(len, 8) * 8;
}

/* All features that QEMU 7.2 names, so that an older one can name what it does not support. */
static uint8_t *put_feature_names(uint8_t *p)
{
	static const struct {
		uint8_t kind, bit;
		const char *name;
	} feature[] = { { 0, 0, "dirty bit" }, { 0, 1, "corrupt bit" },
		{ 0, 2, "external data file" }, { 0, 3, "compression type" },
		{ 0, 4, "extended L2 entries" }, { 1, 0, "lazy refcounts" }, { 2, 0, "bitmaps" },
		{ 2, 1, "raw external data" } };
	enum { COUNT = sizeof(feature) / sizeof(feature[0]) };
	uint8_t table[COUNT * FEATURE_ENTRY] = { 0 };
	size_t i;

	for (i = 0; i < COUNT; i++) {
		table[i * FEATURE_ENTRY] = feature[i].kind;
		table[i * FEATURE_ENTRY + 1] = feature[i].bit;
		memcpy(table + i * FEATURE_ENTRY + 2, feature[i].name, strlen(feature[i].name));
	}
	return put_extension(p, EXT_FEATURE_NAMES, table, sizeof(table));
}

static void put_header(uint8_t *p, const struct qcow2_make *m)
{
	memcpy(p, QCOW2_MAGIC, 4);
	put_be32(p + 4, 3);
	put_be32(p + 20, CLUSTER_BITS);
	put_be64(p + 24, m->size);
	put_be32(p + 36, (uint32_t)l1_entries(m->size));
	put_be64(p + 40, L1_AT);
	put_be64(p + 48, TABLE_AT);
	put_be32(p + 56, 1);
	put_be32(p + 96, REFCOUNT_ORDER);
	put_be32(p + 100, HEADER_SIZE);
}

static void put_names(uint8_t *header, const struct qcow2_make *m)
{
	uint8_t *p = header + HEADER_SIZE;

	if (m->backing)
		p = put_extension(p, EXT_BACKING_FORMAT, m->backing_format,
			(uint32_t)strlen(m->backing_format));
	p = put_feature_names(p);
	p += 8; /* the end of the extensions: type and length 0 */
	if (!m->backing)
		return;
	put_be64(header + 8, (uint64_t)(p - header));
	put_be32(header + 16, (uint32_t)strlen(m->backing));
	memcpy(p, m->backing, strlen(m->backing));
}

void qcow2_make(const struct qcow2_make *m, uint8_t out[QCOW2_MAKE_HEAD])
{
	uint64_t used = qcow2_make_end(m->size) / CLUSTER, i;

	memset(out, 0, QCOW2_MAKE_HEAD);
	put_header(out, m);
	put_names(out, m);
	put_be64(out + TABLE_AT, BLOCK_AT);
	for (i = 0; i < used; i++)
		put_be16(out + BLOCK_AT + 2 * i, 1);
}
