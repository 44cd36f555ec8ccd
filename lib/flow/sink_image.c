/*
 * sink_image: the target decides how to make holes.  Workers write to a device in parallel.  A
 * filesystem lets only one of them write to a file, and the others would wait without sleeping.
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

static const struct sink_ops file_sink_ops = {
	.wants = SINK_RAW,
	.put = image_sink_put,
	.finish = image_sink_finish,
};

static const struct sink_ops device_sink_ops = {
	.wants = SINK_RAW,
	.parallel = true,
	.put = image_sink_put,
	.finish = image_sink_finish,
};

struct sink *sink_image(struct target *t)
{
	struct image_sink *s =
		sink_new(sizeof(*s), target_is_device(t) ? &device_sink_ops : &file_sink_ops);

	if (!s)
		return NULL;
	s->target = t;
	return &s->base;
}
