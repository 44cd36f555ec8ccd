/*
 * file_attributes: what a file gets from the file that it replaces or is made from.
 */
#ifndef IMG_FILE_ATTRIBUTES_H
#define IMG_FILE_ATTRIBUTES_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Gives the open file fd the owner, mode (without setuid, setgid and sticky), access list and
 * label of the open file model.  0, or -1 recorded.
 */
int file_attributes_copy(int fd, int model);

/* Gives it the extended attributes user.*, except those of our jobs.  0, or -1 recorded. */
int file_attributes_copy_user(int fd, int model);

/*
 * Gives the new, empty file fd the flag NOCOW of model (chattr +C), which must precede any data,
 * and which both must have, or neither, to share blocks.  With may_clear also removes one that fd
 * has from its directory.  Records no error: some filesystems do not have it.
 */
void file_attributes_copy_nocow(int fd, int model, bool may_clear);

/*
 * Makes the part of file_attributes_copy() that can fail for want of permission, and undoes
 * it.  0, also without a model (NULL); or -1 recorded.
 */
int file_attributes_try(int fd, const struct stat *model);

/*
 * The same with a file that would be made in dir: with one that gets no name, so where there is no
 * such thing nothing is found out.
 */
int file_attributes_try_in(int dir, const struct stat *model);

#endif
