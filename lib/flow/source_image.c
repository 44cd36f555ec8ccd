/*
 * source_image: walks the data extents.  An extent is widened to whole
 * blocks, so a block is read as a whole if any part of it may hold something.
 */
#include <stdlib.h>

#include "lib/flow/source.h"

struct image_source {
	struct source base;
	struct image *img;
	uint64_t off; /* of the next block */
	uint64_t end; /* of the extent that off is in, widened */
};

static uint64_t up(uint64_t n, uint64_t limit)
{
	uint64_t whole = (n + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;

	return whole < limit ? whole : limit;
}

static int next(struct source *base, struct block *b)
{
	struct image_source *s = (struct image_source *)base;
	uint64_t start, end, left = s->base.len - s->off;
	int r;

	if (left == 0)
		return 0;
	if (s->off >= s->end) {
		r = s->img->ops->extent(s->img, s->off, &start, &end);
		if (r < 0)
			return -1;
		if (r == 0)
			start = s->base.len;
		else
			start -= start % BLOCK_SIZE;
		if (start > s->off) {
			block_set_hole(b, s->off, start - s->off);
			s->off = start;
			return 1;
		}
		s->end = up(end, s->base.len);
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
