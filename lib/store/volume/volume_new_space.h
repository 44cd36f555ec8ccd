/*
 * volume_new_space: the space by which a volume has grown, which holds old data of other volumes
 * until it is zeroed.
 */
#ifndef IMG_VOLUME_NEW_SPACE_H
#define IMG_VOLUME_NEW_SPACE_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroes it, from the old size to the new one, and syncs it to disk.  0, or -1 recorded. */
int volume_new_space_zero(int fd, bool is_thin, uint64_t from, uint64_t to);

/*
 * After an interruption: 0 if nothing that the volume holds needs more than its old size, as far
 * as can be told; else, or if that cannot be told, -1 with ST_CORRUPT recorded, or a read error.
 */
int volume_new_space_check_unused(int fd, uint64_t from);

#endif
