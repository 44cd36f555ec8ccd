/*
 * source_stream: divides the bytes of a descriptor into blocks; the last may be short.
 */
#include <stdlib.h>

#include "lib/flow/inlet.h"
#include "lib/flow/source.h"

struct stream_source {
	struct source base;
	struct inlet in;
	uint64_t off;
};

static int stream_source_next(struct source *base, struct block *b)
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

static void stream_source_stop(struct source *base)
{
	inlet_stop(&((struct stream_source *)base)->in);
}

static void stream_source_free(struct source *base)
{
	inlet_fini(&((struct stream_source *)base)->in);
}

static const struct source_ops stream_source_ops = {
	.next = stream_source_next,
	.stop = stream_source_stop,
	.free = stream_source_free,
};

struct source *source_stream(int fd, const void *head, size_t head_len, uint64_t len)
{
	struct stream_source *s = source_new(sizeof(*s), &stream_source_ops, len);

	if (s && inlet_init(&s->in, fd, head, head_len) < 0) {
		source_free(&s->base);
		return NULL;
	}
	return s ? &s->base : NULL;
}
