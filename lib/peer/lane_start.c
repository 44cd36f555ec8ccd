/*
 * lane_start: see lane_start.h.
 */
#include "lib/peer/lane_start.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/peer/greeting.h"
#include "lib/peer/start.h"

#define CHANNEL_WINDOW (2u << 20) /* bytes */
#define LINK_RATE 160000u	  /* bytes a millisecond: 1 Gbit/s, and a reserve */

unsigned lane_number(int64_t round_ms)
{
	uint64_t n = 1 + (uint64_t)round_ms * LINK_RATE / CHANNEL_WINDOW;

	return n < WIRE_LANES_MAX ? (unsigned)n : WIRE_LANES_MAX;
}

struct conn *lane_open(struct ssh *ssh, const struct location *loc, const struct peer_options *opt)
{
	struct started s = STARTED_INIT;
	struct greeting g;
	struct conn *c;

	if (!ssh) {
		err_set(ST_PEER, "there can be no further channel");
		return NULL;
	}
	s.ssh = ssh;
	if (start_shell(&s, loc, opt) < 0) {
		if (s.fd >= 0)
			close(s.fd);
		return NULL;
	}
	c = conn_new(s.fd, s.fd, WIRE_CLIENT, NULL, CONN_NO_SILENCE);
	if (c && greeting_receive(c, greeting_limit_ms(opt->ssh.timeout_s), &g) < 0) {
		conn_close(c);
		return NULL;
	}
	return c;
}

int lane_start(struct conn *c, const struct peer_options *opt, const uint8_t token[WIRE_TOKEN_SIZE],
	unsigned number)
{
	uint8_t lane[WIRE_LANE_SIZE];
	struct frame *f;
	int in, out;

	memcpy(lane, token, WIRE_TOKEN_SIZE);
	lane[WIRE_TOKEN_SIZE] = (uint8_t)number;
	conn_limit(c, greeting_limit_ms(opt->ssh.timeout_s), "cannot start a data lane: no answer");
	if (conn_send(c, WIRE_LANE, lane, sizeof(lane)) < 0 || conn_expect(c, WIRE_OK, &f) < 0) {
		conn_close(c);
		return -1;
	}
	conn_release(c, f);
	conn_detach(c, &in, &out);
	return in;
}
