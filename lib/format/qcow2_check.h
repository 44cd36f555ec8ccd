/*
 * qcow2_check: the structure of a qcow2 layer, by the format's own rules, as `qemu-img check` has
 * it.  Each cluster's reference count is compared with how often the tables refer to it.
 *
 * A count that is too large is a leak: the cluster is lost, and nothing else.  One that is too
 * small is corrupt, since a write would then change what something else refers to; so is a flag
 * "copied" that disagrees with the count, and whatever qcow2_references.h refuses.
 */
#ifndef IMG_QCOW2_CHECK_H
#define IMG_QCOW2_CHECK_H

#include "lib/format/qcow2.h"

#define QCOW2_CHECK_WINDOW (UINT64_C(1) << 24)	/* clusters that are counted at once */
#define QCOW2_CHECK_BUDGET (UINT64_C(64) << 30) /* bytes of tables and of memory that it reads */

struct qcow2_check {
	uint64_t leaks; /* clusters */
};

/*
 * Checks the layer in fd, which is len bytes long and must not change.  All its features must be
 * known, and it must not be encrypted.  The external data file is not needed.  Reads the tables,
 * once for every QCOW2_CHECK_WINDOW clusters that are used, in at most 45 MiB of memory.  Blocks.
 * 0, or -1 recorded: ST_CORRUPT; ST_FAILED: a read error, interrupted, or it would take longer than
 * QCOW2_CHECK_BUDGET allows.
 */
int qcow2_check(const struct qcow2 *q, int fd, uint64_t len, struct qcow2_check *out);

/* The same with another window, for tests. */
int qcow2_check_by(const struct qcow2 *q, int fd, uint64_t len, uint64_t window, uint64_t budget,
	struct qcow2_check *out);

#endif
