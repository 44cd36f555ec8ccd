/*
 * block_zero: zeroing ranges of a block device.
 *
 * A thin volume gives whole chunks back to its pool and then reads as zeros
 * there.  Any other device is asked to zero the range, or is written.
 */
#ifndef IMG_BLOCK_ZERO_H
#define IMG_BLOCK_ZERO_H

#include <stdbool.h>
#include <stdint.h>

struct block_zero {
	int fd;	       /* borrowed */
	uint64_t unit; /* bytes that can be zeroed at once, aligned */
	bool is_thin;  /* what was never written costs nothing and reads as zeros */
	bool is_stale; /* ... but not in a chunk of which only a part was written */
};

/* is_thin: LVM says that the device is a thin volume; its pool is asked for the rest. */
void block_zero_init(struct block_zero *z, int fd, bool is_thin);

/* Zeroes a range.  Ends when cancel_is_set().  0 or -1 recorded. */
int block_zero_range(const struct block_zero *z, uint64_t len, uint64_t off);

#endif
