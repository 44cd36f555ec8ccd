/*
 * roomlist: the directories where images may lie, and their room.
 *
 * The configured ones; without configuration the mount points of local and
 * network filesystems that can be written.
 */
#ifndef IMG_ROOMLIST_H
#define IMG_ROOMLIST_H

#include "lib/base/buf.h"
#include "lib/store/limits.h"

/*
 * Calls each with kind=directory, path, filesystem, size, free (bytes),
 * reflink, writable.  each returns 0 to go on.  0, or -1 recorded.
 */
int roomlist_each(
	const struct limits *l, int (*each)(void *arg, const struct buf *record), void *arg);

#endif
