/*
 * data_lanes: the lanes of a job, at a helper (wire.h): the data lanes that the client has started
 * for it, or the control lane alone.
 *
 *	data_lanes_offer	before the job's record is sent
 *	data_lanes_begin	after GO
 *	data_lanes_end
 */
#ifndef IMG_DATA_LANES_H
#define IMG_DATA_LANES_H

#include "lib/op/op.h"
#include "lib/wire/lane_hub.h"

struct data_lanes {
	struct lane_hub hub;
	bool is_offered;    /* the record has a token, so the client sends GO */
	struct lanes lanes; /* set by data_lanes_begin() */
	unsigned owned;	    /* of these */
};

#define DATA_LANES_INIT { .hub = LANE_HUB_INIT }

/*
 * If the request wants data lanes, adds to the record the token to join them with.  Without one,
 * which is no error, the client uses none.
 */
void data_lanes_offer(struct data_lanes *d, const struct kv *request, struct buf *record);

/* Takes count data lanes; with 0, the control lane.  0, or -1 recorded. */
int data_lanes_begin(struct data_lanes *d, struct session *s, unsigned count);

/* Closes them.  Accepts DATA_LANES_INIT; keeps the recorded error. */
void data_lanes_end(struct data_lanes *d);

/*
 * Serves a client's LANE: the channel of c, which is freed, becomes that lane of another helper's
 * job.  Blocks until the job has ended.  0; or -1 recorded, and the channel is closed.
 */
int data_lanes_serve(struct conn *c, const uint8_t lane[WIRE_LANE_SIZE]);

#endif
