/*
 * file_clone: a file that shares all blocks of another one.
 */
#ifndef IMG_FILE_CLONE_H
#define IMG_FILE_CLONE_H

/*
 * Lets the file fd, which has no space yet, share all blocks of the file `from`, whatever its
 * length is.  0; or -1 with errno set: EIO if only a part was shared; then fd has the length that
 * it had, and holes.  If fd has space, a part may be taken for all.
 */
int file_clone(int fd, int from);

#endif
