/*
 * source_image: walks the data extents.  An extent is widened to whole
 * blocks, so a block is read as a whole if any part of it may hold something.
 *
 * Each extent is looked for before the one in front of it is read: what the
 * kernel reads ahead makes pages of space that was never written, and those
 * it would then call data, one after the other to the end.
 */
#include <stdlib.h>

#include "lib/flow/source.h"

struct image_source {
	struct source base;
	struct image *img;
	uint64_t off; /* of the next block */
	uint64_t end; /* of the extent that off is in, widened */
	bool has_ahead;
	struct extent {
		uint64_t start, end; /* start is the image's end if there is none */
	} ahead;
};

static uint64_t up(uint64_t n, uint64_t limit)
{
	uint64_t whole = (n + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;

	return whole < limit ? whole : limit;
}

/* The extent at or after off, in whole blocks.  0 or -1 recorded. */
static int look(struct image_source *s, uint64_t off, struct extent *e)
{
	int r = s->img->ops->extent(s->img, off, &e->start, &e->end);

	if (r < 0)
		return -1;
	if (r == 0)
		e->start = e->end = s->base.len;
	e->start -= r ? e->start % BLOCK_SIZE : 0;
	e->end = up(e->end, s->base.len);
	return 0;
}

static int next(struct source *base, struct block *b)
{
	struct image_source *s = (struct image_source *)base;
	uint64_t left = s->base.len - s->off;

	if (left == 0)
		return 0;
	if (!s->has_ahead && look(s, 0, &s->ahead) < 0)
		return -1;
	s->has_ahead = true;
	if (s->off >= s->end) {
		if (s->ahead.start > s->off) {
			block_set_hole(b, s->off, s->ahead.start - s->off);
			s->off = s->ahead.start;
			return 1;
		}
		s->end = s->ahead.end;
		if (s->end < s->base.len && look(s, s->end, &s->ahead) < 0)
			return -1;
	}
	block_set_data(b, s->off, left < BLOCK_SIZE ? left : BLOCK_SIZE);
	s->off += b->len;
	return 1;
}

static int load(struct source *base, struct block *b)
{
	struct image_source *s = (struct image_source *)base;

	if (image_read(s->img, b->raw, b->len, b->off) < 0)
		return -1;
	b->has_raw = true;
	return 0;
}

/* What was read may have been of several points in time, or nothing at all. */
static int finish(struct source *base, struct wire_end *seen)
{
	struct image_source *s = (struct image_source *)base;

	(void)seen;
	return s->img->ops->check(s->img);
}

static const struct source_ops ops = {
	.next = next,
	.load = load,
	.finish = finish,
};

struct source *source_image(struct image *img)
{
	struct image_source *s = source_new(sizeof(*s), &ops, img->len);

	if (!s)
		return NULL;
	s->img = img;
	return &s->base;
}
