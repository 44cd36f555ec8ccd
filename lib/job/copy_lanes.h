/*
 * copy_lanes: the data lanes of a copy.  If one of the two hosts is this one, blocks go over them
 * from helper to helper, and not through this process; else it moves their bytes from host to host
 * (lane_bridge.h).
 */
#ifndef IMG_COPY_LANES_H
#define IMG_COPY_LANES_H

#include "lib/base/kv.h"
#include "lib/job/transfer.h"

struct lane_bridge;

struct copy_lanes {
	const struct transfer *t;
	struct peer *from, *to;
	unsigned wanted;			    /* 0: the copy cannot have any */
	unsigned joined;			    /* at both ends */
	struct lane_bridge *bridge[WIRE_LANES_MAX]; /* NULL: there is none */
};

/* Sets how many are wanted. */
void copy_lanes_init(
	struct copy_lanes *l, const struct transfer *t, struct peer *from, struct peer *to);

/* Adds what the request to one of the helpers says of them. */
void copy_lanes_request(const struct copy_lanes *l, const struct peer *p, struct buf *args);

/*
 * Starts them, if the amount of data in res makes that worth while; source and target are the
 * records of the helpers.  What prevents it is no error: l->joined says how many there are.
 * Blocks for some round trips.
 */
void copy_lanes_start(struct copy_lanes *l, const struct kv *source, const struct kv *target,
	const struct transfer_result *res);

/* The end that tells how far it is, if blocks go over data lanes: this host's, or the source. */
struct peer *copy_lanes_teller(const struct copy_lanes *l);

/* Ends the bridges.  Keeps the recorded error. */
void copy_lanes_end(struct copy_lanes *l);

/* Sends GO, with the number of lanes, to one of the helpers.  0, or -1 recorded. */
int copy_lanes_go(const struct copy_lanes *l, struct peer *p);

#endif
