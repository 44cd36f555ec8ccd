/*
 * qcow2_mapped: how far the clusters reach that the tables of a qcow2 layer name, whatever its
 * reference counts say.
 *
 * A layer with lazy reference counts is dirty while it is open for writing, and after its
 * writer was killed; then clusters with data may have the count 0.
 */
#ifndef IMG_QCOW2_MAPPED_H
#define IMG_QCOW2_MAPPED_H

#include "lib/format/qcow2.h"

/*
 * Raises *end, in bytes, to the end of the last cluster that is an L2 table of the disk or that
 * such a table names (qcow2_map.h draws them), rounded up to a cluster; what is behind len, the
 * length of the file or volume in fd, does not count.  Internal snapshots are not looked at: their
 * counts were written when they were made.
 *
 * Blocks: it reads the L1 table and all L2 tables but those in holes of a sparse file, and takes
 * from *left what it reads, in bytes.  0, or -1 recorded: ST_CORRUPT, a read error, "interrupted",
 * or ST_FAILED if it would read more than *left.
 */
int qcow2_mapped_end(const struct qcow2 *q, int fd, uint64_t len, uint64_t *left, uint64_t *end);

#endif
