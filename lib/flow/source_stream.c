/*
 * source_stream: a pipe's bytes in whole blocks; the last one is what is left.
 */
#include <stdlib.h>

#include "lib/flow/inlet.h"
#include "lib/flow/source.h"

struct stream_source {
	struct source base;
	struct inlet in;
	uint64_t off;
};

static int next(struct source *base, struct block *b)
{
	struct stream_source *s = (struct stream_source *)base;
	ssize_t n = inlet_read(&s->in, b->raw, BLOCK_SIZE);

	if (n <= 0)
		return (int)n;
	block_set_data(b, s->off, (uint64_t)n);
	b->has_raw = true;
	s->off += (uint64_t)n;
	return 1;
}

static void stop(struct source *base)
{
	inlet_stop(&((struct stream_source *)base)->in);
}

static void release(struct source *base)
{
	inlet_fini(&((struct stream_source *)base)->in);
}

static const struct source_ops ops = {
	.next = next,
	.stop = stop,
	.free = release,
};

struct source *source_stream(int fd, const void *head, size_t head_len)
{
	struct stream_source *s = source_new(sizeof(*s), &ops, FLOW_LEN_UNKNOWN);

	if (s && inlet_init(&s->in, fd, head, head_len) < 0) {
		source_free(&s->base);
		return NULL;
	}
	return s ? &s->base : NULL;
}
