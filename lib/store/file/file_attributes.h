/*
 * file_attributes: what a file gets from the file that it replaces or is made from.
 */
#ifndef IMG_FILE_ATTRIBUTES_H
#define IMG_FILE_ATTRIBUTES_H

#include <sys/stat.h>

/*
 * Gives the open file fd the owner, mode (without setuid, setgid and sticky), access list and
 * label of the open file model.  0, or -1 recorded.
 */
int file_attributes_copy(int fd, int model);

/* Gives it the extended attributes user.*, except those of our jobs.  0, or -1 recorded. */
int file_attributes_copy_user(int fd, int model);

/*
 * Makes the part of file_attributes_copy() that can fail for want of permission, and undoes
 * it.  0, or -1 recorded.
 */
int file_attributes_try(int fd, const struct stat *model);

#endif
