/*
 * fs_rest: what lies behind a filesystem in a file.
 */
#ifndef IMG_FS_REST_H
#define IMG_FS_REST_H

#include <stdint.h>

/* Whether the bytes of a file from `from` to `end` are not all zeros: 1, 0, or -1 recorded. */
int fs_rest_find(int fd, uint64_t from, uint64_t end);

#endif
