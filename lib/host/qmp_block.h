/*
 * qmp_block: what QEMU's monitor says of the disks that it has open.
 *
 * A disk is a node of the driver "file" or "host_device", the lowest of its layer.  Its
 * wr_highest_offset is the end of the last byte that was written since QEMU opened it.
 */
#ifndef IMG_QMP_BLOCK_H
#define IMG_QMP_BLOCK_H

#include <linux/limits.h>

#include "lib/host/live.h"
#include "lib/host/qmp.h"

/*
 * Adds QEMU's disks to out, with their numbers.  A path that is relative starts at the current
 * directory of the process behind the socket, if this process may see that.  A disk that QEMU
 * got as an open descriptor has no path, and is left out.
 *
 * While a block job runs (a commit, a mirror), listing the nodes can crash QEMU (its issue 3149,
 * seen in QEMU 10.1.0), so that is refused.  Who starts a job lists them before, and then only
 * calls qmp_block_update().  0, or -1 recorded: ST_BUSY while a block job runs, or as qmp_call().
 */
int qmp_block_list(struct qmp *q, const struct policy *policy, struct live *out);

/* The directory from which QEMU's relative paths start: out, or NULL if it cannot be seen. */
const char *qmp_block_directory(const struct qmp *q, char out[PATH_MAX]);

/* Reads again how far the disks are written, also while a job runs.  0, or -1 recorded. */
int qmp_block_update(struct qmp *q, struct live *l);

#endif
