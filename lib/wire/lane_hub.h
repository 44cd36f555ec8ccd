/*
 * lane_hub: where a job's helper gets the descriptors of its data lanes (wire.h) from other
 * processes of its host: from helpers that sshd has started, or from the command itself.
 *
 * It is a socket of the kind SOCK_SEQPACKET in the abstract namespace, called
 * "img-tools-lane-" and the XXH3-128 of the token in hexadecimal, since each user can see the name.
 * Who joins sends one message, and keeps the connection until the helper closes it:
 *
 *	 0            16       17
 *	+------------+--------+
 *	| token      | number | with SCM_RIGHTS: the descriptor to read from, and that to write to
 *	+------------+--------+
 *
 * A connection whose message is not there yet, or has another token, is closed.
 */
#ifndef IMG_LANE_HUB_H
#define IMG_LANE_HUB_H

#include <stdint.h>

#include "lib/block/digest.h"
#include "lib/wire/wire.h"

struct lane_hub {
	int listener; /* -1: closed */
	uint8_t token[WIRE_TOKEN_SIZE];
	int member[WIRE_LANES_MAX]; /* connections of those that have joined; -1: none */
};

/* The descriptors of a lane; of a socket both are the same. */
struct lane_ends {
	int in, out;
};

#define LANE_HUB_INIT { .listener = -1, .member = { -1, -1, -1, -1, -1, -1, -1, -1 } }
#define LANE_TOKEN_HEX (2 * WIRE_TOKEN_SIZE + 1)

/* Makes a token, and the socket for it.  0, or -1 recorded. */
int lane_hub_open(struct lane_hub *h);

/* The token as text, and back: 0, or -1 with ST_PEER recorded. */
void lane_token_hex(const uint8_t token[WIRE_TOKEN_SIZE], char out[LANE_TOKEN_HEX]);
int lane_token_parse(uint8_t out[WIRE_TOKEN_SIZE], const char *hex);

/*
 * Takes the lanes 0 to count - 1, all of which have joined before.  0, and the caller closes the
 * descriptors; or -1 with ST_PEER recorded.  Does not block.
 */
int lane_hub_take(struct lane_hub *h, unsigned count, struct lane_ends *out);

/* Lets those that have joined go.  Accepts a closed one. */
void lane_hub_close(struct lane_hub *h);

/*
 * Gives a job's helper a lane; its descriptors stay open here, too.  A descriptor that becomes
 * readable when the helper does not need the lane any more, and which the caller closes; or -1
 * with ST_PEER recorded.
 */
int lane_join(const uint8_t token[WIRE_TOKEN_SIZE], unsigned number, const struct lane_ends *lane);

#endif
