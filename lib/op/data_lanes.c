/*
 * data_lanes: see data_lanes.h.
 */
#include "lib/op/data_lanes.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

void data_lanes_offer(struct data_lanes *d, const struct kv *request, struct buf *record)
{
	char token[LANE_TOKEN_HEX];

	if (op_u64(request, "lanes", 0) == 0)
		return;
	if (lane_hub_open(&d->hub) < 0) {
		log_debug("no data lanes: %s", err_text());
		err_clear();
		return;
	}
	lane_token_hex(d->hub.token, token);
	kv_add(record, "token", token);
	d->is_offered = true;
}

int data_lanes_begin(struct data_lanes *d, struct session *s, unsigned count)
{
	struct lane_ends ends[WIRE_LANES_MAX];
	unsigned i;
	int r = 0;

	if (count == 0) {
		d->lanes = *LANES_ONE(s->conn);
		return 0;
	}
	if (count > WIRE_LANES_MAX || !d->is_offered)
		return err_set(ST_PEER, "protocol error: %u data lanes", count);
	if (lane_hub_take(&d->hub, count, ends) < 0)
		return -1;
	d->lanes.count = count;
	for (i = 0; i < count; i++) {
		/* Signs of life are counted on the control lane. */
		d->lanes.conn[i] =
			conn_new(ends[i].in, ends[i].out, WIRE_HELPER, NULL, CONN_NO_SILENCE);
		if (!d->lanes.conn[i])
			r = -1;
	}
	d->owned = count;
	return r;
}

void data_lanes_end(struct data_lanes *d)
{
	unsigned i;

	for (i = 0; i < d->owned; i++)
		conn_close(d->lanes.conn[i]);
	d->owned = 0;
	lane_hub_close(&d->hub);
}

/* Waits until the job's helper lets the lane go, or this process is to end. */
static void wait_for_end(int hub)
{
	struct pollfd p[2] = { { hub, POLLIN, 0 }, { cancel_fd(), POLLIN, 0 } };

	while (poll(p, 2, -1) < 0)
		;
}

int data_lanes_serve(struct conn *c, const uint8_t lane[WIRE_LANE_SIZE])
{
	uint8_t ok[WIRE_HEADER];
	struct lane_ends ends;
	int hub, r = -1;

	conn_detach(c, &ends.in, &ends.out);
	hub = lane_join(lane, lane[WIRE_TOKEN_SIZE], &ends);
	/* After the OK, the channel belongs to the other helper. */
	wire_header_put(ok, WIRE_OK, 0);
	if (hub >= 0)
		r = io_write(ends.out, ok, sizeof(ok)) < 0 ? err_sys("cannot answer LANE") : 0;
	close(ends.in);
	if (ends.out != ends.in)
		close(ends.out);
	if (r == 0)
		wait_for_end(hub);
	if (hub >= 0)
		close(hub);
	return r;
}
