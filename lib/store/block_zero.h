/*
 * block_zero: zeroing ranges of a block device.
 *
 * A thin volume returns complete chunks to its pool, and then reads as zeros
 * there, unless it has an external origin.  Of that and any other device, the kernel is asked to
 * zero the range; if it cannot, zeros are written.
 */
#ifndef IMG_BLOCK_ZERO_H
#define IMG_BLOCK_ZERO_H

#include <stdbool.h>
#include <stdint.h>

struct block_zero {
	int fd;	       /* borrowed */
	uint64_t unit; /* bytes; aligned units are zeroed by the device, the rest is written */
	bool is_thin; /* what was never written, or was discarded, takes no space and reads as zeros
		       */
	bool is_stale; /* the rest of a chunk that was written in part may hold old data */
};

/*
 * Sets z up for a block device.  is_thin: LVM reports it as a thin volume, so
 * the pool is asked for its chunk size.  Records no error.
 */
void block_zero_init(struct block_zero *z, int fd, bool is_thin);

/* Zeroes len bytes at off.  Ends when cancel_is_set().  0 or -1 recorded. */
int block_zero_range(const struct block_zero *z, uint64_t len, uint64_t off);

#endif
