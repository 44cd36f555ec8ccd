/*
 * chooser: whether compressing makes a flow faster, found by trying.
 *
 * What limits a flow (the link, either end's processors, a disk) cannot be
 * known from here, but its speed can be measured: the data is cut into windows
 * of CHOOSER_BYTES or CHOOSER_MS, whichever ends first, and in each all blocks
 * are compressed or none is.  Both are tried once, then the faster is kept and
 * the other tried again, less and less often.  The first part of a window is
 * not measured, since blocks coded before it are still on their way.
 *
 * Belongs to whoever passes the blocks on, in order; chooser_compresses() may
 * be asked by any thread.  Nothing blocks.
 */
#ifndef IMG_CHOOSER_H
#define IMG_CHOOSER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CHOOSER_BYTES (16u << 20) /* raw */
#define CHOOSER_MS 1500
#define CHOOSER_SETTLE 4    /* the first 1/4 of a window is not measured */
#define CHOOSER_KEEP_MIN 4  /* windows until the other way is tried again: first, */
#define CHOOSER_KEEP_MAX 64 /* and at last */

struct chooser {
	_Atomic bool compresses; /* in the window that runs */
	double rate[2];		 /* raw bytes a millisecond without and with; 0: not known */
	unsigned keep, left;	 /* windows until the next trial */
	uint64_t bytes, measured;
	int64_t began_ms, measured_ms;
	bool settled;
};

void chooser_init(struct chooser *c, int64_t now_ms);
bool chooser_compresses(struct chooser *c);

/* A data block of so many raw bytes has left. */
void chooser_passed(struct chooser *c, uint64_t raw_len, int64_t now_ms);

#endif
