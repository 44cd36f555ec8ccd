/*
 * source_wire: takes blocks out of the connection's inbox.  A frame's block
 * and the flow's change places, so bytes are not copied.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/flow/source.h"

struct wire_source {
	struct source base;
	struct conn *conn;
	bool ended;
	struct wire_end end;
};

static int next(struct source *base, struct block *b)
{
	struct wire_source *s = (struct wire_source *)base;
	struct frame *f;
	struct block swap;
	int r = conn_recv(s->conn, &f);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(ST_PEER, "the stream was cut off");
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
		s->ended = true;
		r = 0;
		break;
	default:
		r = err_set(ST_PEER, "protocol error: %s in a stream", wire_name(f->type));
	}
	conn_release(s->conn, f);
	return r;
}

static void stop(struct source *base)
{
	conn_stop(((struct wire_source *)base)->conn);
}

static int finish(struct source *base, struct wire_end *seen)
{
	static const struct hash none;
	struct wire_source *s = (struct wire_source *)base;
	const struct wire_end *e = &s->end;

	if (e->len != seen->len || e->data_bytes != seen->data_bytes ||
		e->hole_bytes != seen->hole_bytes || e->data_blocks != seen->data_blocks)
		return err_set(ST_CORRUPT,
			"the stream lost something: %llu bytes in %llu blocks of %llu in %llu",
			(unsigned long long)seen->len, (unsigned long long)seen->data_blocks,
			(unsigned long long)e->len, (unsigned long long)e->data_blocks);
	if (hash_equal(&seen->digest, &none))
		seen->digest = e->digest; /* a relay: the ends compare */
	else if (!hash_equal(&seen->digest, &e->digest))
		return err_set(ST_CORRUPT, "the digests of source and target differ");
	return 0;
}

static const struct source_ops ops = {
	.next = next,
	.stop = stop,
	.finish = finish,
};

struct source *source_wire(struct conn *c, uint64_t len)
{
	struct wire_source *s = source_new(sizeof(*s), &ops, len);

	if (!s)
		return NULL;
	s->conn = c;
	return &s->base;
}
