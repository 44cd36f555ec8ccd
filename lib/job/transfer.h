/*
 * transfer: one image from one location to another, over as many helpers as
 * that takes: one where both are on the same host, else two with this process
 * as the relay between them.
 */
#ifndef IMG_TRANSFER_H
#define IMG_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/location.h"
#include "lib/block/digest.h"
#include "lib/flow/flow.h"
#include "lib/peer/peer.h"

struct transfer {
	struct location from, to;
	bool archive, overwrite, sparse, live, allow_links, no_fsync, dry_run;
	bool in_place, as_is; /* fill an existing target */
	bool want_digest;     /* also where nothing has to be compared */
	enum flow_compress compress;
	unsigned jobs;
	uint64_t bwlimit;
	bool snapshot;				  /* copy a snapshot of the source, */
	uint64_t snapshot_size;			  /* with that room; 0: as is configured there */
	const char *pre_snapshot, *post_snapshot; /* commands there, or NULL */
	uint64_t volume_len;			  /* of a new volume; 0: the source's */
	/*
	 * What is going on: at most a few times a second, from any thread but
	 * one at a time; total 0: not known; wire: bytes on the channel.  Or NULL.
	 */
	void (*progress)(
		void *arg, const char *phase, uint64_t done, uint64_t total, uint64_t wire);
	void *arg;
};

struct transfer_result {
	char *target; /* resolved path, without its host; the caller frees it */
	bool has_capacity;
	uint64_t capacity, data_bytes, hole_bytes, wire_bytes;
	uint64_t compressed_blocks, stored_blocks;
	double seconds;
	char digest[HASH_HEX]; /* "" if none was computed */
	bool consistent, cloned;
	char *snapshot; /* its name, or NULL; the caller frees it */
};

/*
 * Does it.  Blocks.  0 and res filled, or -1 recorded, the text beginning with
 * the location that is to blame; then nothing of the target is left.
 */
int transfer_run(
	const struct transfer *t, const struct peer_options *opt, struct transfer_result *res);

#endif
