/*
 * chooser: finds out by measuring whether compression makes a flow faster.
 *
 * What limits a flow (the link, the processors of either end, a disk) is not
 * known, but the flow's speed can be measured.  The data is divided into
 * windows; in each, either all blocks are compressed or none is.  Both ways are
 * tried once, unless compressed data flows so slowly that it must be the link that
 * limits it.  Then the faster way is used, and the other is tried again: less and less
 * often while it stays slower, and at once when the way in use becomes slower than the
 * other one was.
 *
 * There are buffers of some megabytes between the flow and what limits it.  After
 * a change of way these may accept data faster than the limit, so each window
 * begins with a part that is not measured (it "settles"), which is long enough to
 * fill them.  But compressed blocks, which are smaller than those that they wait for, only look
 * faster through the buffers: a trial of compression that looks slower is over at once.
 *
 * All functions but chooser_compresses(), which any thread may call, are for the
 * one thread that sends blocks at that time.  None blocks.
 */
#ifndef IMG_CHOOSER_H
#define IMG_CHOOSER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A window ends at the first of these (coded bytes, raw bytes, milliseconds): */
#define CHOOSER_CODED (12u << 20)
#define CHOOSER_RAW (64u << 20)
#define CHOOSER_MS 1000
/* Its part that is not measured ends at the first of these: */
#define CHOOSER_SETTLE_CODED (8u << 20)
#define CHOOSER_SETTLE_RAW (32u << 20)
#define CHOOSER_SETTLE_MS 250
/* A trial of compression is over after so many raw bytes if it has less than 4/5 of the rate. */
#define CHOOSER_EARLY (4u << 20)
/*
 * Raw bytes per millisecond.  While compressed data is slower than that and nothing else has been
 * tried, it stays compressed.  Processors compress and decode faster, so a link or a disk limits
 * it, and a trial of the other way, a window of CHOOSER_CODED bytes, would only make it slower.
 */
#define CHOOSER_SLOW 80e3
/* The number of windows until the other way is tried again grows from MIN to MAX. */
#define CHOOSER_KEEP_MIN 8
#define CHOOSER_KEEP_MAX 64

struct chooser {
	_Atomic bool compresses; /* in the current window */
	bool faster;		 /* the way in use (true: compress); the other is only tried */
	double rate[2];		 /* raw bytes per ms, [0] without and [1] with; 0: unknown */
	unsigned keep, left;	 /* windows between trials; windows until the next one */
	uint64_t raw, coded;	 /* bytes in the current window */
	uint64_t settled_raw;	 /* bytes of the part that is not measured */
	int64_t began_ms, settled_ms;
	bool settled;
};

/* now_ms is the monotonic time in milliseconds (io_now_ms()). */
void chooser_init(struct chooser *c, int64_t now_ms);

/* Whether a block that is coded now is to be compressed. */
bool chooser_compresses(struct chooser *c);

/* Tells that a data block of raw_len bytes was sent as coded_len bytes. */
void chooser_passed(struct chooser *c, uint64_t raw_len, uint64_t coded_len, int64_t now_ms);

#endif
