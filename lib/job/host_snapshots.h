/*
 * host_snapshots: the snapshots of several sources.  All of one host are taken together, before
 * anything is copied, by a helper that keeps them until they are read.
 */
#ifndef IMG_HOST_SNAPSHOTS_H
#define IMG_HOST_SNAPSHOTS_H

#include "lib/job/transfer.h"

/* The sources of one host. */
struct source_host {
	struct peer_kept kept; /* the helper that has their snapshots */
	int first, count;      /* the first of them; how many they are */
	bool is_taken;	       /* the snapshots were taken, and no dry run */
	struct err error;      /* why they were not; ST_OK: they were */
	int blamed;	       /* the source that it is about; -1: all */
};

struct host_snapshots {
	const struct location *from; /* borrowed */
	int *host_of;		     /* of each source: its index in host */
	struct source_host *host;
	int count; /* of hosts */
};

#define HOST_SNAPSHOTS_INIT { NULL, NULL, NULL, 0 }

/*
 * Takes the snapshots of count sources, as t says, or in a dry run checks that they can be taken.
 * A host where one fails has none; host_snapshots_lend() tells that of each of its sources.  0, or
 * -1 recorded: out of memory.  Blocks.  from must outlive h, and t its helpers.
 */
int host_snapshots_take(struct host_snapshots *h, const struct transfer *t,
	const struct location *from, int count, const struct peer_options *opt);

/*
 * Before the copy of source i: makes the helper of its host that of peers->from, and sets *taken,
 * whether the copy is to read the snapshot that was taken.  0, or -1 recorded, beginning with the
 * source: there is no snapshot.  After the copy host_snapshots_take_back() has to be called.
 */
int host_snapshots_lend(struct host_snapshots *h, int i, struct transfer_peers *peers, bool *taken);
void host_snapshots_take_back(struct host_snapshots *h, int i, struct transfer_peers *peers);

/* Ends the helpers, which remove what was not read.  Keeps the recorded error.  Blocks. */
void host_snapshots_close(struct host_snapshots *h);

/* Prints, as a note, how far snapshots that host (NULL: this host) has taken are apart. */
void host_snapshots_tell_apart(const char *host, uint64_t us);

#endif
