/*
 * lane_start: a data lane of a job to another host: a further channel of the connection, and a
 * helper that gives its end of it to the job's helper (lib/wire/lane_hub.h).
 */
#ifndef IMG_LANE_START_H
#define IMG_LANE_START_H

#include "lib/peer/peer.h"

struct ssh;

/*
 * The number of lanes for a connection with that round trip, 0 if it is not known: OpenSSH lets a
 * channel carry at most 2 MiB a round trip, and so does libssh from 0.11 on.
 */
unsigned lane_number(int64_t round_ms);

/* As peer_lane_open(), over the connection ssh; NULL: NULL recorded. */
struct conn *lane_open(struct ssh *ssh, const struct location *loc, const struct peer_options *opt);

/* As peer_lane_start(). */
int lane_start(struct conn *c, const struct peer_options *opt, const uint8_t token[WIRE_TOKEN_SIZE],
	unsigned number);

#endif
