/*
 * qcow2_map: what one qcow2 layer has for each byte of the guest's disk.
 *
 *	L1 entry	bit 63: copied; 9 to 55: offset of an L2 table, 0 if there is none
 *	L2 entry	bit 63: copied; 62: compressed; then of a standard cluster:
 *			bits 9 to 55: its offset, 0 if there is none; 0: reads as zeros (version 3)
 *	  compressed	bits 0 to x - 1: offset of the data in bytes; x to 61: how many sectors of
 *			512 bytes it may take after that in which it begins; x = 70 - cluster_bits
 *	  extended	another 8 bytes for the 32 subclusters of a standard cluster, bit i: it is
 *			in the cluster; 32 + i: it reads as zeros.  The entry's bit 0 is reserved.
 *
 * All other bits are reserved, and must be 0.  An L2 table fills a cluster.  With an external data
 * file, the offset of a cluster is in that file, and is that of the guest; if it is 0, copied tells
 * whether there is a cluster.
 * Source: QEMU's docs/interop/qcow2.
 */
#ifndef IMG_QCOW2_MAP_H
#define IMG_QCOW2_MAP_H

#include "lib/format/qcow2.h"

enum qcow2_kind {
	QCOW2_UNALLOCATED, /* not in this layer: what the layer below has, or zeros */
	QCOW2_ZEROS,
	QCOW2_DATA,
	QCOW2_COMPRESSED,
};

/* A part of the guest's disk. */
struct qcow2_run {
	enum qcow2_kind kind;
	uint64_t off, len; /* bytes of the disk; len is not 0 */
	/*
	 * QCOW2_DATA: the offset of its bytes in the layer, or in the external data file if there
	 * is one.  In the layer they end within its length; the data file may be shorter, and
	 * reads as zeros behind its end.
	 * QCOW2_COMPRESSED: where the data of the complete cluster that contains off begins in the
	 * layer, and how long it is at most (up to twice a cluster).  It ends within the layer.
	 */
	uint64_t host;
	uint32_t host_len; /* bytes; of QCOW2_COMPRESSED only */
};

#define QCOW2_MAP_SLOTS 4

/* The caller's storage, with 160 KiB on the heap, whatever the image says. */
struct qcow2_map {
	const struct qcow2 *q;
	int fd;
	uint64_t len;
	uint64_t reach; /* bytes of the disk that one L2 table describes */
	unsigned entry; /* bytes of an entry in it */
	uint8_t *memory;
	struct qcow2_map_piece {
		uint64_t off; /* in the layer; UINT64_MAX: nothing was read yet */
		bool is_zeros;
		uint64_t used; /* when it was used last; larger is later */
		uint8_t *bytes;
	} l1, l2[QCOW2_MAP_SLOTS];
	uint64_t uses;
};

/*
 * Begins to map the layer in fd, which is len bytes long.  q and fd must outlive the map, and the
 * layer must not change.  The tables must have passed qcow2_tables_check(), or a small image can
 * describe so many clusters that to map all of them takes days.
 * 0, or -1 recorded: ST_CORRUPT; ST_REFUSED for an unknown incompatible feature.
 */
int qcow2_map_init(struct qcow2_map *m, const struct qcow2 *q, int fd, uint64_t len);
void qcow2_map_fini(struct qcow2_map *m);

/*
 * Finds what is at off, which must be less than q->size, and how far that goes on: at most max
 * bytes, of which there must be one, and not beyond the disk.  Neighbours are one run if they are
 * of the same kind and, if they have data, its bytes are neighbours as well; each compressed
 * cluster is a run of its own.
 *
 * May block: it reads the tables as far as max goes.  Parts of them that are in a hole of a sparse
 * file are not read.  A standard cluster, or a part of one, behind the end of the file reads as
 * zeros, as in QEMU.
 * 0, or -1 recorded: ST_CORRUPT if an entry is damaged, a read error, or "interrupted".
 */
int qcow2_map_at(struct qcow2_map *m, uint64_t off, uint64_t max, struct qcow2_run *run);

#endif
