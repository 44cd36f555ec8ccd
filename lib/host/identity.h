/*
 * identity: which file or device something is, as text that can be compared on
 * one host as long as it is up.  Two programs that reach the host on
 * different ways so find out that they mean the same image.
 */
#ifndef IMG_IDENTITY_H
#define IMG_IDENTITY_H

#include <sys/stat.h>

#define IDENTITY_MAX 128 /* bytes with the NUL */

/* "BOOT-ID:DEVICE:INODE" of a file, "BOOT-ID:block:NUMBER" of a device, whichever its node. Returns
 * out. */
char *identity_of(const struct stat *st, char out[IDENTITY_MAX]);

#endif
