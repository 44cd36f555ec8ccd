/*
 * container: a directory or volume group, entry by entry, in the order of names.
 *
 * Directories, regular files and block devices are entries, and links that
 * lead to one within the limits; what is hidden is not, but for the partial
 * files of a run (partial.h).  With depth, what lies below follows its
 * directory; a mount below is entered, a link to a directory is not.
 */
#ifndef IMG_CONTAINER_H
#define IMG_CONTAINER_H

#include "lib/base/buf.h"
#include "lib/store/limits.h"

#define CONTAINER_DEPTH_MAX 64 /* directories below one another */

/*
 * Calls each with the record of an entry (info.h; name is the path below the
 * container).  An entry that cannot be looked at has name, path and what is
 * known, and `error` and `status` with the reason: it fails nobody else.  each returns 0
 * to go on.  0, or -1 recorded.
 */
int container_list(const struct limits *l, const char *path, bool recursive,
	int (*each)(void *arg, const struct buf *record), void *arg);

#endif
