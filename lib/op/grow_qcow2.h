/*
 * grow_qcow2: what QEMU cannot do when the guest's disk in a qcow2 layer becomes longer.  It is
 * refused before anything is changed.
 */
#ifndef IMG_GROW_QCOW2_H
#define IMG_GROW_QCOW2_H

#include "lib/format/qcow2.h"

/*
 * Whether QEMU can make the disk of the layer `to` bytes long.  The layer is in fd, which is len
 * bytes long.  0, or -1 recorded: ST_REFUSED, ST_CORRUPT, or a read error.
 */
int grow_qcow2_check(const struct qcow2 *q, int fd, uint64_t len, uint64_t to);

/* Records that version 2 of qcow2 cannot hide what `why` says.  Returns -1. */
int grow_qcow2_refuse_version(const char *why);

#endif
