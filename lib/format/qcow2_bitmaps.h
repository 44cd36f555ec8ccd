/*
 * qcow2_bitmaps: the directory of the bitmaps that a qcow2 layer keeps.  Big-endian; an entry is
 *
 *	 0  8  offset of the bitmap's table	 8  4  entries of that
 *	12  4  flags, 1: in use			16  1  type	17  1  granularity
 *	18  2  length of the name		20  4  length of further data
 *
 * then that data and the name, padded to 8.  Source: QEMU's docs/interop/qcow2.
 */
#ifndef IMG_QCOW2_BITMAPS_H
#define IMG_QCOW2_BITMAPS_H

#include "lib/format/qcow2.h"

/*
 * Whether a bitmap is in use, or was not closed by its last user: 1, 0, or -1 recorded: ST_CORRUPT,
 * or a read error.  fd is the layer's file or volume, which is len bytes long.  Bitmaps that are
 * not consistent with the image (QCOW2_BITMAPS) do not count, as QEMU drops them.
 */
int qcow2_bitmaps_open(const struct qcow2 *q, int fd, uint64_t len);

#endif
