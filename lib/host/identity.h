/*
 * identity: a text that identifies a file or device of a host until it reboots.  Two
 * programs that reach the host by different names compare it to find out whether they
 * mean the same image.
 */
#ifndef IMG_IDENTITY_H
#define IMG_IDENTITY_H

#include <stdbool.h>
#include <sys/stat.h>

#define IDENTITY_MAX 128 /* bytes with the NUL */

/*
 * "BOOT-ID:DEVICE:INODE" of a file; "BOOT-ID:block:NUMBER" of a block device, the same for
 * all its nodes.  Returns out.
 */
char *identity_of(const struct stat *st, char out[IDENTITY_MAX]);

/* Whether both are the same file or, by any of its nodes, the same block device. */
bool identity_is_same(const struct stat *a, const struct stat *b);

#endif
