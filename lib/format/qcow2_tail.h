/*
 * qcow2_tail: what a qcow2 layer has behind the end of the guest's disk, where growing that disk
 * would show it.
 */
#ifndef IMG_QCOW2_TAIL_H
#define IMG_QCOW2_TAIL_H

#include "lib/format/qcow2.h"

struct qcow2_tail {
	/*
	 * There is, or may be, something else than zeros: an image that was shrunk keeps the end
	 * of its last cluster, and a job that was interrupted may have left clusters.
	 */
	bool is_stale;
	/* The disk ends within a cluster that is not, or not completely, in this layer. */
	bool ends_in_backing;
};

/*
 * Reads the L1 table from the disk's end on, one L2 table and one cluster at most.  The tables
 * must have passed qcow2_tables_check(); fd is the layer's file or volume, which is len bytes
 * long.  0, or -1 recorded: ST_CORRUPT, or a read error.
 */
int qcow2_tail_read(struct qcow2_tail *t, const struct qcow2 *q, int fd, uint64_t len);

/* The largest size in bytes that QEMU can give the guest's disk. */
uint64_t qcow2_tail_limit(const struct qcow2 *q);

#endif
