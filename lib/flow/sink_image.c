/*
 * sink_image: all workers write in parallel; the target decides how to make holes.
 */
#include <stdlib.h>

#include "lib/flow/sink.h"

struct image_sink {
	struct sink base;
	struct target *target;
};

static int image_sink_put(struct sink *base, struct block *b)
{
	return target_put(((struct image_sink *)base)->target, b);
}

static int image_sink_finish(struct sink *base, const struct wire_end *end)
{
	return target_set_len(((struct image_sink *)base)->target, end->len);
}

static const struct sink_ops image_sink_ops = {
	.wants = SINK_RAW,
	.parallel = true,
	.put = image_sink_put,
	.finish = image_sink_finish,
};

struct sink *sink_image(struct target *t)
{
	struct image_sink *s = sink_new(sizeof(*s), &image_sink_ops);

	if (!s)
		return NULL;
	s->target = t;
	return &s->base;
}
