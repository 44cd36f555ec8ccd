/*
 * transfer: copies one image from one location to another.  One helper does it
 * if both are on the same host (copy_local); otherwise there are two helpers,
 * and this process passes the blocks from one to the other (copy_relay).
 */
#ifndef IMG_TRANSFER_H
#define IMG_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/location.h"
#include "lib/block/digest.h"
#include "lib/flow/flow.h"
#include "lib/peer/peer_kept.h"

struct transfer {
	struct location from, to;
	bool archive, overwrite, sparse, live, allow_links, no_fsync, dry_run;
	bool in_place;	     /* fill an existing target */
	bool into;	     /* `to` must be a container */
	bool flatten;	     /* of a qcow2 image, what the guest sees, through all layers */
	bool as_is;	     /* the bytes as they are: no archive is unpacked */
	bool change_format;  /* in place: qcow2 content over other content, too */
	bool has_stream_len; /* of standard input: */
	uint64_t stream_len; /* its bytes, unpacked */
	bool want_digest;    /* compute one even if there is nothing to compare it with */
	enum flow_compress compress;
	unsigned jobs;
	uint64_t bwlimit;
	bool snapshot;				  /* copy a snapshot of the source */
	bool taken;				  /* which the helper has taken already */
	uint64_t snapshot_size;			  /* its bytes; 0: as configured on that host */
	const char *pre_snapshot, *post_snapshot; /* commands there, or NULL */
	const char *qmp, *libvirt; /* the guest there that is paused meanwhile, or NULL */
	uint64_t volume_len;	   /* bytes of a new volume; 0: as the source */
	/*
	 * Called a few times a second from any thread, one call at a time; or NULL.
	 * wire is the bytes on the channel.
	 */
	void (*progress)(
		void *arg, const char *phase, const struct wire_progress *p, uint64_t wire);
	void *arg;
};

struct transfer_result {
	char *target; /* resolved path, without its host; the caller frees it */
	bool has_capacity;
	uint64_t expected_data; /* about how much of it is data; 0: unknown */
	uint64_t capacity, data_bytes, hole_bytes, wire_bytes;
	uint64_t compressed_blocks, stored_blocks;
	double seconds;
	char digest[HASH_HEX]; /* "" if none was computed */
	bool consistent, cloned;
	bool unpacked;	/* the source was an archive, and the target is not */
	bool replaces;	/* an existing target */
	char *snapshot; /* its name, or NULL; the caller frees it */
};

/*
 * The helpers of the last copy, which the next one uses if they are on the same hosts.  The
 * caller closes them at the end.
 */
struct transfer_peers {
	struct peer_kept from, to;
};

#define TRANSFER_PEERS_INIT { PEER_KEPT_INIT, PEER_KEPT_INIT }

void transfer_peers_close(struct transfer_peers *peers); /* keeps the recorded error; blocks */

/*
 * Sets out to the options with which the helper for a source at `from` is to be started.  t must
 * outlive the helper.
 */
void transfer_peer_options(struct peer_options *out, const struct transfer *t,
	const struct location *from, const struct peer_options *opt);

/*
 * Blocks until the copy is complete.  0 with res filled, or -1 recorded, the
 * text beginning with the location that failed; then no new target is left,
 * and an existing one is as it was or, in place, marked unfinished.  t must outlive peers.
 */
int transfer_run(const struct transfer *t, const struct peer_options *opt,
	struct transfer_peers *peers, struct transfer_result *res);

#endif
