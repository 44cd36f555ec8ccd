/*
 * flow: the one loop that moves data, from a source to a sink.
 *
 *	source->next   one worker at a time: which block comes next
 *	source->load   every worker for itself: its bytes
 *	(coding)       every worker for itself: zeros found, hash, LZO
 *	sink->put      in order, one at a time; or, for a parallel sink, every
 *	               worker for itself
 *
 * Each of a fixed number of workers carries one block at a time all the way,
 * so reading, coding and writing overlap, memory is bounded by the number of
 * workers, and blocks leave in the order they came.  Counts and digest are
 * taken in that order, too.  Wherever a digest is taken, a data block that is
 * all zero becomes a hole, so none ever travels.
 *
 * A source or sink embeds struct source or struct sink as its first member.
 */
#ifndef IMG_FLOW_H
#define IMG_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/block/block.h"
#include "lib/wire/wire.h"

#define FLOW_JOBS_MAX 64 /* workers; each has a block of 680 KiB at most */
#define FLOW_LEN_UNKNOWN DIGEST_LEN_UNKNOWN

struct source;
struct sink;

struct source_ops {
	/* The next block into b: 1; 0: that was all; -1 with an error recorded. */
	int (*next)(struct source *s, struct block *b);
	/* Fills b->raw; NULL where next() has done it.  0 or -1. */
	int (*load)(struct source *s, struct block *b);
	/* Wakes a next() that waits for somebody else; or NULL.  Any thread. */
	void (*stop)(struct source *s);
	/*
	 * After the last block: whether what passed is what should have.  The
	 * digest in seen is set only if the flow computed it.  May fill in what
	 * the source knows better (a relay's digest).  0 or -1; or NULL.
	 */
	int (*finish)(struct source *s, struct wire_end *seen);
	void (*free)(struct source *s); /* or NULL */
};

struct source {
	const struct source_ops *ops;
	uint64_t len; /* of the image in bytes, or FLOW_LEN_UNKNOWN */
};

enum sink_wants {
	SINK_ANY,    /* whatever form there is: a relay */
	SINK_RAW,    /* has_raw */
	SINK_CODED,  /* coded, as the flow's compress says */
	SINK_ARCHIVE /* coded, always compressed */
};

struct sink_ops {
	enum sink_wants wants;
	bool parallel;
	/* Takes one block.  0 or -1 with an error recorded. */
	int (*put)(struct sink *s, struct block *b);
	/* After the last block, when the source was whole.  0 or -1; or NULL. */
	int (*finish)(struct sink *s, const struct wire_end *end);
	void (*free)(struct sink *s); /* or NULL */
};

struct sink {
	const struct sink_ops *ops;
};

/*
 * Fresh zeroed memory of size bytes for a source or sink with its base filled
 * in, or NULL with ST_FAILED recorded.
 */
void *source_new(size_t size, const struct source_ops *ops, uint64_t len);
void *sink_new(size_t size, const struct sink_ops *ops);

/* These accept NULL; what ops->free is NULL for is just memory. */
void source_free(struct source *s);
void sink_free(struct sink *s);

enum flow_compress { FLOW_COMPRESS_AUTO, FLOW_COMPRESS_ALWAYS, FLOW_COMPRESS_NEVER };

struct flow_options {
	unsigned jobs; /* workers; 0: as many as are good here */
	enum flow_compress compress;
	bool digest;	  /* compute it; a relay does not */
	uint64_t bwlimit; /* coded (or, to a raw sink, raw) bytes a second; 0: none */
	/* Called at most every FLOW_PROGRESS_MS, by one thread at a time; or NULL. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
};

#define FLOW_PROGRESS_MS 250

struct flow_stats {
	struct wire_end end;  /* what passed; digest as computed or told */
	struct hash content;  /* digest_content(), if a digest was computed */
	uint64_t coded_bytes; /* of the data blocks in the form that left */
	uint64_t compressed_blocks, stored_blocks;
	bool source_failed; /* of a flow that failed: which side did */
};

/*
 * Moves everything and finishes both.  Blocks.  0, or -1 with the first error
 * recorded, ST_FAILED "interrupted" after cancel_set(); stats are filled in
 * either case, as far as it came.  Frees neither side.
 */
int flow_run(struct source *from, struct sink *to, const struct flow_options *opt,
	struct flow_stats *stats);

#endif
