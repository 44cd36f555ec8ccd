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

/*
 * Sets the mark, on stable storage before it returns; takes it away (both
 * forms).  0, or -1 recorded.
 */
int unfinished_set(int fd, int dir_fd, const char *name);
int unfinished_clear(int fd, int dir_fd, const char *name);

/*
 * What is beside a name must not outlive or miss the file: takes the mark beside
 * dir_fd/name away, when that is gone or new; makes what is beside `to` as what
 * is beside `from`, before a file gets that name.  0, or -1 recorded.
 */
int unfinished_forget(int dir_fd, const char *name);
int unfinished_carry(int dir_fd, const char *from, const char *to);

/*
 * Marks dir_fd/name, which need not exist, by what is beside it, on stable
 * storage.  1, 0 if that was there already, or -1 recorded.
 */
int unfinished_mark_name(int dir_fd, const char *name);

#endif
