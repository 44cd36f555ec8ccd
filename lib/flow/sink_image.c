/*
 * sink_image: every worker writes its own block; holes are the target's affair.
 */
#include <stdlib.h>

#include "lib/flow/sink.h"

struct image_sink {
	struct sink base;
	struct target *target;
};

static int put(struct sink *base, struct block *b)
{
	struct image_sink *s = (struct image_sink *)base;

	if (b->kind == BLOCK_HOLE)
		return target_zero(s->target, b->len, b->off);
	return target_write(s->target, b->raw, b->len, b->off);
}

static int finish(struct sink *base, const struct wire_end *end)
{
	return target_set_len(((struct image_sink *)base)->target, end->len);
}

static const struct sink_ops ops = {
	.wants = SINK_RAW,
	.parallel = true,
	.put = put,
	.finish = finish,
};

struct sink *sink_image(struct target *t)
{
	struct image_sink *s = sink_new(sizeof(*s), &ops);

	if (!s)
		return NULL;
	s->target = t;
	return &s->base;
}
