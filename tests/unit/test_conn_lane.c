/* conn: the receiver of a data lane. */
#include <poll.h>

#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

/* The sender of a data lane ends in order, before the receiver has taken what it has sent. */
static void test_lane_end(void)
{
	enum { FRAMES = 30, SILENCE_MS = 400 };
	struct block *b = block_new();
	struct conn *c[2];
	struct frame *f;
	int i, r = 1;

	conns_pair(c, NULL, NULL, SILENCE_MS);
	for (i = 0; b && i < FRAMES; i++) {
		block_set_hole(b, (uint64_t)i * BLOCK_SIZE, BLOCK_SIZE);
		conn_send_block(c[0], b);
	}
	conn_close(c[0]);
	poll(NULL, 0, SILENCE_MS); /* nothing is to happen, so nothing can be waited for */
	for (i = 0; (r = conn_recv(c[1], &f)) == 1; i++)
		conn_release(c[1], f);
	ok(r == 0 && i == FRAMES, "what a data lane has sent arrives after its end");
	conn_close(c[1]);
	block_free(b);
}

int main(void)
{
	test_lane_end();
	return tap_done();
}
