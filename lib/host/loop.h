/*
 * loop: a range of a file or device as a block device of its own.
 */
#ifndef IMG_LOOP_H
#define IMG_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Makes a loop device of len bytes at off of the file or device fd, which must be open for
 * writing unless read_only.  Both are multiples of 512.  The device exists until its
 * last descriptor is closed, also those of other processes, so a killed job leaves none.  Its
 * descriptor, which the caller closes, or -1 recorded: ST_REFUSED without root, ST_FAILED
 * if there is no free loop device.  Blocks for a moment.
 */
int loop_open(int fd, uint64_t off, uint64_t len, bool read_only);

/* Whether this process may ask for loop devices: 0, or -1 recorded, as of loop_open(). */
int loop_check(void);

#endif
