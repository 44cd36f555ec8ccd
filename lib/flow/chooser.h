/*
 * chooser: whether compressing makes a flow faster, found by trying.
 *
 * What limits a flow (the link, either end's processors, a disk) cannot be
 * known from here, but its speed can be measured: the data is cut into windows,
 * and in each all blocks are compressed or none is.  Both ways are tried once,
 * then the faster is kept and the other tried again, less and less often while
 * it stays slower, and at once when the kept way becomes slower than the other
 * was.
 *
 * Between here and what limits the flow there are buffers of some megabytes.
 * After a change of way they take what comes as fast as it comes, if it is less
 * than before; so a window is measured only after enough coded bytes to fill
 * them.
 *
 * Belongs to whoever passes the blocks on, in order; chooser_compresses() may
 * be asked by any thread.  Nothing blocks.
 */
#ifndef IMG_CHOOSER_H
#define IMG_CHOOSER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A window ends, and its first part that is not measured, at the first of these: */
#define CHOOSER_CODED (12u << 20)
#define CHOOSER_RAW (64u << 20)
#define CHOOSER_MS 1000
#define CHOOSER_SETTLE_CODED (8u << 20)
#define CHOOSER_SETTLE_RAW (32u << 20)
#define CHOOSER_SETTLE_MS 250
#define CHOOSER_KEEP_MIN 8  /* windows until the other way is tried again: first, */
#define CHOOSER_KEEP_MAX 64 /* and at last */

struct chooser {
	_Atomic bool compresses; /* in the window that runs */
	bool faster;		 /* the way that is kept; the other one runs for a trial */
	double rate[2];		 /* raw bytes a millisecond without and with; 0: not known */
	unsigned keep, left;	 /* windows until the next trial */
	uint64_t raw, coded;	 /* in this window */
	uint64_t settled_raw;	 /* before what is measured */
	int64_t began_ms, settled_ms;
	bool settled;
};

void chooser_init(struct chooser *c, int64_t now_ms);
bool chooser_compresses(struct chooser *c);

/* A data block of so many bytes has left as coded_len bytes. */
void chooser_passed(struct chooser *c, uint64_t raw_len, uint64_t coded_len, int64_t now_ms);

#endif
