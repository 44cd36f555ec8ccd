/*
 * file_extents: which parts of a file hold data, by SEEK_DATA and SEEK_HOLE, and whether that
 * is plausible.  Nothing here records an error.
 */
#ifndef IMG_FILE_EXTENTS_H
#define IMG_FILE_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether the data that SEEK_DATA finds account for at least half of the `allocated` bytes of
 * the file.  If not, the filesystem reports data as holes, which some versions of some
 * filesystems do, and the file has to be read in full.  Space that was allocated and never
 * written, which FIEMAP reports, is accounted for.
 */
bool file_extents_are_plausible(int fd, uint64_t len, uint64_t allocated);

/*
 * Finds the next range of data at or after off in a file of len bytes.  1 and [*start, *end);
 * 0: only holes up to the end.  Where the filesystem does not report holes, all is data.
 */
int file_extents_next(int fd, uint64_t len, uint64_t off, uint64_t *start, uint64_t *end);

#endif
