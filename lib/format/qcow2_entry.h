/*
 * qcow2_entry: the bits of an entry of an L1 or L2 table, which qcow2_map.h draws.
 */
#ifndef IMG_QCOW2_ENTRY_H
#define IMG_QCOW2_ENTRY_H

#include "lib/format/qcow2.h"

#define QCOW2_ENTRY 8		/* bytes of an entry */
#define QCOW2_ENTRY_EXTENDED 16 /* bytes of one of an L2 table with subclusters */

#define QCOW2_ENTRY_COPIED (UINT64_C(1) << 63)
#define QCOW2_ENTRY_COMPRESSED (UINT64_C(1) << 62)
#define QCOW2_ENTRY_OFFSET UINT64_C(0x00fffffffffffe00)
#define QCOW2_ENTRY_ZEROS UINT64_C(1) /* of a standard cluster, in version 3 */

#define QCOW2_SECTOR 512 /* in which the length of a compressed cluster is counted */

/* Bytes of an entry of the L2 tables. */
static inline unsigned qcow2_entry_size(const struct qcow2 *q)
{
	return q->incompatible & QCOW2_EXTENDED_L2 ? QCOW2_ENTRY_EXTENDED : QCOW2_ENTRY;
}

/* Bytes of the guest's disk that one L2 table describes. */
static inline uint64_t qcow2_entry_reach(const struct qcow2 *q)
{
	return (uint64_t)q->cluster_size / qcow2_entry_size(q) * q->cluster_size;
}

/* Where the data of a compressed cluster begins in the layer, and how long it is at most. */
static inline uint64_t qcow2_entry_compressed(
	const struct qcow2 *q, uint64_t entry, uint64_t *max_len)
{
	unsigned shift = 70 - (unsigned)__builtin_ctz(q->cluster_size);
	uint64_t host = entry & ((UINT64_C(1) << shift) - 1);
	uint64_t flags = QCOW2_ENTRY_COPIED | QCOW2_ENTRY_COMPRESSED;
	uint64_t sectors = ((entry & ~flags) >> shift) + 1;

	*max_len = sectors * QCOW2_SECTOR - host % QCOW2_SECTOR;
	return host;
}

#endif
