/*
 * The two ends of a flow: what all sources and all sinks have in common.
 */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/flow/flow.h"

void *source_new(size_t size, const struct source_ops *ops, uint64_t len)
{
	struct source *s = calloc(1, size);

	if (s) {
		s->ops = ops;
		s->len = len;
	} else {
		err_set(ST_FAILED, "out of memory");
	}
	return s;
}

void *sink_new(size_t size, const struct sink_ops *ops)
{
	struct sink *s = calloc(1, size);

	if (s)
		s->ops = ops;
	else
		err_set(ST_FAILED, "out of memory");
	return s;
}

void source_free(struct source *s)
{
	if (s && s->ops->free)
		s->ops->free(s);
	free(s);
}

void sink_free(struct sink *s)
{
	if (s && s->ops->free)
		s->ops->free(s);
	free(s);
}
