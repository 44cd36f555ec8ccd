/*
 * file_extents: which parts of a file hold data, by SEEK_DATA and SEEK_HOLE, and whether the
 * filesystem's word can be trusted.
 */
#ifndef IMG_FILE_EXTENTS_H
#define IMG_FILE_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether the data that SEEK_DATA finds account for the `allocated` bytes that
 * the file takes, so that what it calls holes are zeros.  Some filesystems have
 * called data holes.  Space that was allocated and never written (FIEMAP) counts
 * as accounted for.
 */
bool file_extents_are_plausible(int fd, uint64_t len, uint64_t allocated);

/*
 * The next range of data at or after off in a file of len bytes: 1 and [*start,
 * *end); 0: none.  What the filesystem cannot tell is data.
 */
int file_extents_next(int fd, uint64_t len, uint64_t off, uint64_t *start, uint64_t *end);

#endif
