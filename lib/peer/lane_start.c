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

	return n < WIRE_LANES_MAX - 1 ? (unsigned)n : WIRE_LANES_MAX - 1; /* one for control */
}

/* Makes the channel of a started helper the lane.  The descriptor, or -1 recorded. */
static int lane_ask(struct conn *c, const struct peer_options *opt,
	const uint8_t token[WIRE_TOKEN_SIZE], unsigned number)
{
	int limit_ms = opt->ssh.timeout_s ? opt->ssh.timeout_s * 1000 : GREETING_MS, in, out;
	uint8_t lane[WIRE_LANE_SIZE];
	struct greeting g;
	struct frame *f;

	memcpy(lane, token, WIRE_TOKEN_SIZE);
	lane[WIRE_TOKEN_SIZE] = (uint8_t)number;
	if (greeting_receive(c, limit_ms, &g) < 0)
		goto fail;
	conn_limit(c, limit_ms, "cannot start a data lane: no answer");
	if (conn_send(c, WIRE_LANE, lane, sizeof(lane)) < 0 || conn_expect(c, WIRE_OK, &f) < 0)
		goto fail;
	conn_release(c, f);
	conn_detach(c, &in, &out);
	return in;
fail:
	conn_close(c);
	return -1;
}

int lane_start(struct ssh *ssh, const struct location *loc, const struct peer_options *opt,
	const uint8_t token[WIRE_TOKEN_SIZE], unsigned number)
{
	struct started s = STARTED_INIT;
	struct conn *c;
	int r;

	if (!ssh)
		return err_set(ST_PEER, "there can be no further channel");
	s.ssh = ssh;
	r = start_shell(&s, loc, opt);
	if (r < 0) {
		if (s.fd >= 0)
			close(s.fd);
		return -1;
	}
	c = conn_new(s.fd, s.fd, WIRE_CLIENT, NULL, CONN_NO_SILENCE);
	return c ? lane_ask(c, opt, token, number) : -1;
}
