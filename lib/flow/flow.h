/*
 * flow: the one loop that moves data, from a source to a sink.
 *
 *	source->next   gets the next block: one worker at a time
 *	source->load   reads its bytes: all workers in parallel
 *	(coding)       finds zeros, hashes, encodes or decodes: in parallel
 *	sink->put      sends the block: in order, one worker at a time; for a
 *	               parallel sink without a rate limit, all workers in parallel
 *
 * There is a fixed number of workers, and of blocks (order.h).  A worker fills a block,
 * codes it and leaves it; the one whose block is the next sends it, and what was left
 * already after it.  So reading, coding and writing overlap, memory is bounded, and
 * blocks are sent in the order in which they came.  They are counted and added to the
 * digest in that order, too.  If a digest is computed, a data block that is all zero
 * becomes a hole, so zeros are never sent.  A digest of the coded blocks shows that they
 * arrived, and costs the receiver no decoding.
 *
 * A source or sink embeds struct source or struct sink as its first member.
 */
#ifndef IMG_FLOW_H
#define IMG_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/block/block.h"
#include "lib/flow/order.h"
#include "lib/wire/wire.h"

#define FLOW_JOBS_MAX ORDER_JOBS_MAX
#define FLOW_LEN_UNKNOWN DIGEST_LEN_UNKNOWN

struct source;
struct sink;

struct source_ops {
	/* Makes b the next block.  1; 0: there are no more; -1 with an error recorded. */
	int (*next)(struct source *s, struct block *b);
	/* Fills in b->raw; NULL if next() does so.  0, or -1 recorded. */
	int (*load)(struct source *s, struct block *b);
	/* Makes a next() that is waiting for data return -1.  From any thread; may be NULL. */
	void (*stop)(struct source *s);
	/*
	 * Called after the last block: compares what was received with what the
	 * source knows of it.  The digest in seen is set only if the flow computed
	 * one; otherwise the source may fill in its own (as for a relay).  0, or -1
	 * recorded; may be NULL.
	 */
	int (*finish)(struct source *s, struct wire_end *seen);
	void (*free)(struct source *s); /* frees what s owns; may be NULL */
};

struct source {
	const struct source_ops *ops;
	uint64_t len;	   /* of the image in bytes, or FLOW_LEN_UNKNOWN */
	uint64_t data_len; /* about how many of them are data, for the progress; 0: unknown */
};

enum sink_wants {
	SINK_ANY,    /* any form, as it came (a relay) */
	SINK_RAW,    /* the raw form */
	SINK_CODED,  /* the coded form; compressed if flow_options.compress says so */
	SINK_ARCHIVE /* the coded form, always compressed */
};

struct sink_ops {
	enum sink_wants wants;
	bool parallel; /* several workers may be in put() at the same time */
	/* Sends or writes one block.  0, or -1 with an error recorded. */
	int (*put)(struct sink *s, struct block *b);
	/* Called after the last block and the source's finish().  0, or -1; may be NULL. */
	int (*finish)(struct sink *s, const struct wire_end *end);
	void (*free)(struct sink *s); /* frees what s owns; may be NULL */
};

struct sink {
	const struct sink_ops *ops;
};

/*
 * Allocates size zeroed bytes for a source or sink and fills in its base.  NULL
 * with ST_FAILED recorded.  Freed by source_free() or sink_free().
 */
void *source_new(size_t size, const struct source_ops *ops, uint64_t len);
void *sink_new(size_t size, const struct sink_ops *ops);

/* Call ops->free, if it is not NULL, then free the memory.  Both accept NULL. */
void source_free(struct source *s);
void sink_free(struct sink *s);

enum flow_compress { FLOW_COMPRESS_AUTO, FLOW_COMPRESS_ALWAYS, FLOW_COMPRESS_NEVER };

struct flow_options {
	unsigned jobs; /* number of workers; 0: by the number of processors */
	enum flow_compress compress;
	bool digest;	   /* compute a digest; a relay does not */
	bool coded_digest; /* compute a digest of the blocks in the form sent, which is coded */
	uint64_t bwlimit;  /* bytes per second in the form sent; 0: no limit */
	/*
	 * Called at most every FLOW_PROGRESS_MS, by one thread at a time; may be NULL.
	 */
	void (*progress)(void *arg, const struct wire_progress *p);
	void *arg;
};

#define FLOW_PROGRESS_MS 250

struct flow_stats {
	struct wire_end end; /* counts; digest, computed or from the source */
	struct hash content; /* digest_content(), if a digest was computed */
	bool has_coded;
	struct hash coded;    /* the same of the coded blocks, if has_coded */
	uint64_t zero_bytes;  /* within data blocks, by units (block.h); if a digest was computed */
	uint64_t coded_bytes; /* of data blocks, in the form sent */
	uint64_t compressed_blocks, stored_blocks;
	bool source_failed; /* if the flow failed: in the source, not in the sink */
};

/*
 * Moves all blocks from the source to the sink, then calls finish() of both.
 * Blocks.  0, or -1 with the first error recorded (ST_FAILED "interrupted" after
 * cancel_set()).  Fills in stats in either case; after a failure, with what was
 * counted until then.  Frees neither source nor sink.
 */
int flow_run(struct source *from, struct sink *to, const struct flow_options *opt,
	struct flow_stats *stats);

#endif
