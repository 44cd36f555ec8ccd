/*
 * qcow2_watermark: the end of what a qcow2 layer uses of its file or volume.
 */
#ifndef IMG_QCOW2_WATERMARK_H
#define IMG_QCOW2_WATERMARK_H

#include "lib/format/qcow2.h"

/*
 * Sets *out, in bytes, to the end of the last cluster whose reference count is not 0, and at
 * least to the end of the header and of the tables that it names.  fd is the layer's file or
 * volume, which is len bytes long.  The result is never more than len, rounded up to a
 * cluster, as the last cluster of a file may be incomplete.
 *
 * It reads the table of reference counts (at most 8 MiB, which it keeps in memory), and from
 * the end of the image on one block of counts after the other until a count is not 0.
 * Usually that is the first one.
 *
 * If the layer is dirty (QCOW2_DIRTY), some reference counts may be too low; then it also reads the
 * L2 tables, and the clusters that they name count (qcow2_mapped.h).
 * 0, or -1 recorded: ST_CORRUPT, or a read error.
 */
int qcow2_watermark(const struct qcow2 *q, int fd, uint64_t len, uint64_t *out);

/*
 * The same for a listing, which an attacker could hold up: also -1 with ST_FAILED recorded if more
 * than QCOW2_WATERMARK_READS bytes would have to be read.
 */
#define QCOW2_WATERMARK_READS (16u << 20)
int qcow2_watermark_soon(const struct qcow2 *q, int fd, uint64_t len, uint64_t *out);

#endif
