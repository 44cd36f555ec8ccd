/*
 * qcow2_unpack: unpacks compressed clusters for several threads at once, whatever layers they are
 * of, and keeps those that were unpacked last, since a cluster may be read in parts.
 */
#ifndef IMG_QCOW2_UNPACK_H
#define IMG_QCOW2_UNPACK_H

#include <pthread.h>

#include "lib/format/qcow2_cluster.h"
#include "lib/format/qcow2_map.h"

#define QCOW2_UNPACKERS 4 /* clusters that are unpacked at the same time */

struct qcow2_unpacker {
	struct qcow2_cluster packing;
	uint8_t *memory; /* the unpacked cluster, and behind it the packed bytes */
	size_t size;	 /* of memory */
	/* The cluster that it has: of which layer, and where in the guest's disk.  NULL: none. */
	const struct qcow2_map *map;
	uint64_t start;
	bool is_busy;  /* a thread uses it */
	uint64_t used; /* counts up with each use */
};

/* The caller's storage.  Each unpacker allocates at most three times the size of a cluster. */
struct qcow2_unpack {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	uint64_t uses;
	struct qcow2_unpacker unpacker[QCOW2_UNPACKERS];
};

void qcow2_unpack_init(struct qcow2_unpack *u);
void qcow2_unpack_fini(struct qcow2_unpack *u);

/*
 * Reads n bytes of the guest's disk at off into p.  They must lie in run, which qcow2_map_at()
 * has found in this map with kind QCOW2_COMPRESSED.  A map must not be freed before u, nor
 * change.  May block.  0, or -1 recorded: ST_CORRUPT, or a read error.
 */
int qcow2_unpack_read(struct qcow2_unpack *u, const struct qcow2_map *map,
	const struct qcow2_run *run, uint64_t off, void *p, size_t n);

#endif
