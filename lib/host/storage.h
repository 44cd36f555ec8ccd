/*
 * storage: directories for images, and their free space.
 *
 * These are the configured directories or, without configuration, the mount points of
 * writable local and network filesystems.
 */
#ifndef IMG_STORAGE_H
#define IMG_STORAGE_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/policy.h"

/*
 * Calls each with a record of every directory, until it does not return 0: kind=directory,
 * path, filesystem, size, free (bytes), reflink, writable.  0, or -1 recorded.
 */
int storage_each(
	const struct policy *policy, int (*each)(void *arg, const struct buf *record), void *arg);

/* Whether files in the directory can share blocks; needs the permission to create files there. */
bool storage_can_reflink(int dir);

#endif
