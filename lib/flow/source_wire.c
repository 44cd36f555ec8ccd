/*
 * source_wire: takes blocks out of the inboxes of the connections in turn.  The frame's block
 * and the flow's are swapped, so that bytes are not copied.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/size.h"
#include "lib/flow/source.h"

struct wire_source {
	struct source base;
	struct lanes lanes;
	struct conn *from;    /* the last frame's */
	struct frame *peeked; /* received, and not given to the flow yet; or NULL */
	struct wire_end end;
};

/* The next frame of the stream: 1, and it is given back to s->from; or -1 recorded. */
static int wire_source_recv(struct wire_source *s, struct frame **f)
{
	int r;

	s->from = lanes_next(&s->lanes);
	r = conn_recv(s->from, f);
	if (r == 0)
		return err_set(ST_PEER, "the stream ended early");
	return r;
}

static int wire_source_next(struct source *base, struct block *b)
{
	struct wire_source *s = (struct wire_source *)base;
	struct frame *f;
	struct block swap;
	int r = 1;

	if (s->peeked)
		f = s->peeked;
	else
		r = wire_source_recv(s, &f);
	s->peeked = NULL;
	if (r < 0)
		return -1;
	switch (f->type) {
	case WIRE_DATA:
	case WIRE_HOLE:
		swap = *b;
		*b = *f->block;
		*f->block = swap;
		r = 1;
		break;
	case WIRE_END:
		wire_end_parse(&s->end, f->payload);
		r = 0;
		break;
	default:
		r = err_set(ST_PEER, "protocol error: %s in a stream", wire_name(f->type));
	}
	conn_release(s->from, f);
	return r;
}

int source_wire_peek(struct source *base, struct block **first)
{
	struct wire_source *s = (struct wire_source *)base;

	if (wire_source_recv(s, &s->peeked) < 0)
		return -1;
	if (s->peeked->type != WIRE_DATA && s->peeked->type != WIRE_HOLE)
		return 0;
	*first = s->peeked->block;
	return 1;
}

static void wire_source_free(struct source *base)
{
	struct wire_source *s = (struct wire_source *)base;

	if (s->peeked)
		conn_release(s->from, s->peeked);
}

static void wire_source_stop(struct source *base)
{
	struct wire_source *s = (struct wire_source *)base;
	unsigned i;

	for (i = 0; i < s->lanes.count; i++)
		conn_stop(s->lanes.conn[i]);
}

static int wire_source_finish(struct source *base, struct wire_end *seen)
{
	static const struct hash none;
	struct wire_source *s = (struct wire_source *)base;
	const struct wire_end *e = &s->end;
	char received[SIZE_HUMAN], sent[SIZE_HUMAN];

	if (e->len != seen->len || e->data_bytes != seen->data_bytes ||
		e->hole_bytes != seen->hole_bytes || e->data_blocks != seen->data_blocks)
		return err_set(ST_CORRUPT,
			"the stream is incomplete: %s in %llu blocks received, %s in %llu sent",
			size_human(seen->len, received), (unsigned long long)seen->data_blocks,
			size_human(e->len, sent), (unsigned long long)e->data_blocks);
	if (hash_equal(&seen->digest, &none))
		seen->digest = e->digest; /* a relay: source and target compare theirs */
	else if (!hash_equal(&seen->digest, &e->digest))
		return err_set(ST_CORRUPT, "the digests of source and target differ");
	return 0;
}

static const struct source_ops wire_source_ops = {
	.next = wire_source_next,
	.stop = wire_source_stop,
	.finish = wire_source_finish,
	.free = wire_source_free,
};

struct source *source_wire(const struct lanes *lanes, uint64_t len)
{
	struct wire_source *s = source_new(sizeof(*s), &wire_source_ops, len);

	if (!s)
		return NULL;
	s->lanes = *lanes;
	return &s->base;
}
