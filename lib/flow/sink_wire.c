/*
 * sink_wire: sends each block as a frame, then the END.
 */
#include <stdlib.h>

#include "lib/flow/sink.h"

struct wire_sink {
	struct sink base;
	struct lanes lanes;
};

static int wire_sink_put(struct sink *base, struct block *b)
{
	return conn_send_block(lanes_next(&((struct wire_sink *)base)->lanes), b);
}

static int wire_sink_finish(struct sink *base, const struct wire_end *end)
{
	struct conn *c = lanes_next(&((struct wire_sink *)base)->lanes);
	uint8_t out[WIRE_END_SIZE];

	wire_end_put(out, end);
	return conn_send(c, WIRE_END, out, sizeof(out));
}

static const struct sink_ops wire_sink_relay_ops = {
	.wants = SINK_ANY,
	.put = wire_sink_put,
	.finish = wire_sink_finish,
};

static const struct sink_ops wire_sink_coded_ops = {
	.wants = SINK_CODED,
	.put = wire_sink_put,
	.finish = wire_sink_finish,
};

struct sink *sink_wire(const struct lanes *lanes, bool relay)
{
	struct wire_sink *s =
		sink_new(sizeof(*s), relay ? &wire_sink_relay_ops : &wire_sink_coded_ops);

	if (!s)
		return NULL;
	s->lanes = *lanes;
	return &s->base;
}
