/*
 * unfinished: the mark of a target that is written in place.
 *
 * A file carries the extended attribute user.img-tools.unfinished or, where
 * there are none, has ".NAME.img-tools-unfinished" beside it.  A partial file
 * (partial.h) is unfinished by its name.
 */
#ifndef IMG_UNFINISHED_H
#define IMG_UNFINISHED_H

#include <stdbool.h>

#define UNFINISHED_ATTR "user.img-tools.unfinished"
#define UNFINISHED_SUFFIX ".img-tools-unfinished"

/*
 * Whether the open file fd, which dir_fd/name names, carries a mark: 1, 0, or
 * -1 recorded.
 */
int unfinished_is(int fd, int dir_fd, const char *name);

#endif
