/*
 * storage: the directories where images may lie, and their free space.
 *
 * These are the configured ones or, without configuration, the mount points of local and
 * network filesystems that can be written.
 */
#ifndef IMG_STORAGE_H
#define IMG_STORAGE_H

#include "lib/base/buf.h"
#include "lib/base/policy.h"

/*
 * Calls each with kind=directory, path, filesystem, size, free (bytes),
 * reflink, writable.  each returns 0 to go on.  0, or -1 recorded.
 */
int storage_each(
	const struct policy *l, int (*each)(void *arg, const struct buf *record), void *arg);

#endif
