/*
 * block_size: the size of a block device, which somebody may change while it is open.
 */
#ifndef IMG_BLOCK_SIZE_H
#define IMG_BLOCK_SIZE_H

#include <stdint.h>

/* Gets the size of the device fd in bytes.  0, or -1 recorded. */
int block_size_get(int fd, uint64_t *out);

/* Whether the device fd, which was read, still has len bytes: 0, or -1 recorded, ST_CORRUPT. */
int block_size_check(int fd, uint64_t len);

#endif
