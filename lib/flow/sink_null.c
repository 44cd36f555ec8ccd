/*
 * sink_null: blocks are only counted and hashed, by the flow.
 */
#include "lib/flow/sink.h"

static int null_sink_put(struct sink *base, struct block *b)
{
	(void)base;
	(void)b;
	return 0;
}

static const struct sink_ops null_sink_ops = {
	.wants = SINK_ANY,
	.put = null_sink_put,
};

struct sink *sink_null(void)
{
	return sink_new(sizeof(struct sink), &null_sink_ops);
}
