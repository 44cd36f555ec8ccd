/*
 * sink_stream: writes raw bytes, in order, to a descriptor, which may be a pipe.
 */
#include <stdlib.h>

#include "lib/flow/outlet.h"
#include "lib/flow/sink.h"

struct stream_sink {
	struct sink base;
	struct outlet out;
};

static int stream_sink_put(struct sink *base, struct block *b)
{
	struct stream_sink *s = (struct stream_sink *)base;

	if (b->kind == BLOCK_HOLE)
		return outlet_zeros(&s->out, b->len);
	return outlet_write(&s->out, b->raw, b->len);
}

static int stream_sink_finish(struct sink *base, const struct wire_end *end)
{
	(void)end;
	return outlet_flush(&((struct stream_sink *)base)->out);
}

static void stream_sink_free(struct sink *base)
{
	outlet_fini(&((struct stream_sink *)base)->out);
}

static const struct sink_ops stream_sink_ops = {
	.wants = SINK_RAW,
	.put = stream_sink_put,
	.finish = stream_sink_finish,
	.free = stream_sink_free,
};

struct sink *sink_stream(int fd)
{
	struct stream_sink *s = sink_new(sizeof(*s), &stream_sink_ops);

	if (s && outlet_init(&s->out, NULL, fd) < 0) {
		sink_free(&s->base);
		return NULL;
	}
	return s ? &s->base : NULL;
}
