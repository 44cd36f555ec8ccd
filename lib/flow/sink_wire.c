/*
 * sink_wire: blocks out as frames, then the END.
 */
#include <stdlib.h>

#include "lib/flow/sink.h"

struct wire_sink {
	struct sink base;
	struct conn *conn;
};

static int put(struct sink *base, struct block *b)
{
	return conn_send_block(((struct wire_sink *)base)->conn, b);
}

static int finish(struct sink *base, const struct wire_end *end)
{
	uint8_t out[WIRE_END_SIZE];

	wire_end_put(out, end);
	return conn_send(((struct wire_sink *)base)->conn, WIRE_END, out, sizeof(out));
}

static const struct sink_ops relay_ops = {
	.wants = SINK_ANY,
	.put = put,
	.finish = finish,
};

static const struct sink_ops coded_ops = {
	.wants = SINK_CODED,
	.put = put,
	.finish = finish,
};

struct sink *sink_wire(struct conn *c, bool relay)
{
	struct wire_sink *s = sink_new(sizeof(*s), relay ? &relay_ops : &coded_ops);

	if (!s)
		return NULL;
	s->conn = c;
	return &s->base;
}
