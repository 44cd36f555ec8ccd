/*
 * grow_qcow2: see grow_qcow2.h.
 */
#include "lib/op/grow_qcow2.h"

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/format/qcow2_bitmaps.h"
#include "lib/format/qcow2_tail.h"

static int check_limit(const struct qcow2 *q, uint64_t to)
{
	uint64_t limit = qcow2_tail_limit(q);
	char text[SIZE_HUMAN];

	if (to > limit)
		return err_set(ST_REFUSED,
			"the disk of this qcow2 image can have %s at most (%llu bytes)",
			size_human(limit, text), (unsigned long long)limit);
	return 0;
}

int grow_qcow2_check(const struct qcow2 *q, int fd, uint64_t len, uint64_t to)
{
	int open;

	if (q->version == 2 && q->snapshots)
		return err_set(ST_REFUSED,
			"the qcow2 image has internal snapshots, and its version (compat 0.10) "
			"cannot be resized with them (see qemu-img amend -o compat=1.1)");
	if (check_limit(q, to) < 0)
		return -1;
	open = qcow2_bitmaps_open(q, fd, len);
	if (open > 0)
		return err_set(ST_REFUSED,
			"the qcow2 image has a bitmap that was not closed by its last user, and "
			"cannot be resized with it (see qemu-img bitmap --remove)");
	return open;
}

int grow_qcow2_refuse_version(const char *why)
{
	return err_set(ST_REFUSED,
		"%s, which version 2 of qcow2 (compat 0.10) cannot hide (see qemu-img amend -o "
		"compat=1.1)",
		why);
}
