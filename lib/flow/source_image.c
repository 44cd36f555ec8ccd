/*
 * source_image: goes through the data extents of the image.  An extent is
 * extended to block boundaries: a block is read if any part of it may hold data.
 *
 * The position of the next extent is determined before the current one is read.
 * The kernel's read-ahead creates page cache pages for allocated but unwritten
 * space, and SEEK_DATA then reports these pages as data; so each read would turn
 * more of the hole behind it into data.
 */
#include <stdlib.h>

#include "lib/flow/source.h"

struct image_source {
	struct source base;
	struct image *img;
	uint64_t off; /* of the next block */
	uint64_t end; /* of the extent that off is in */
	bool has_ahead;
	struct extent {
		uint64_t start, end; /* both are the length of the image if there is none */
	} ahead;
};

static uint64_t round_up(uint64_t n, uint64_t limit)
{
	uint64_t whole = (n + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;

	return whole < limit ? whole : limit;
}

/* Finds the extent at or after off, extended to block boundaries.  0, or -1 recorded. */
static int image_source_find(struct image_source *s, uint64_t off, struct extent *e)
{
	int r = s->img->ops->extent(s->img, off, &e->start, &e->end);

	if (r < 0)
		return -1;
	if (r == 0)
		e->start = e->end = s->base.len;
	e->start -= r ? e->start % BLOCK_SIZE : 0;
	e->end = round_up(e->end, s->base.len);
	return 0;
}

static int image_source_next(struct source *base, struct block *b)
{
	struct image_source *s = (struct image_source *)base;
	uint64_t left = s->base.len - s->off;

	if (left == 0)
		return 0;
	if (!s->has_ahead && image_source_find(s, 0, &s->ahead) < 0)
		return -1;
	s->has_ahead = true;
	if (s->off >= s->end) {
		if (s->ahead.start > s->off) {
			block_set_hole(b, s->off, s->ahead.start - s->off);
			s->off = s->ahead.start;
			return 1;
		}
		s->end = s->ahead.end;
		if (s->end < s->base.len && image_source_find(s, s->end, &s->ahead) < 0)
			return -1;
	}
	block_set_data(b, s->off, left < BLOCK_SIZE ? left : BLOCK_SIZE);
	s->off += b->len;
	return 1;
}

static int image_source_load(struct source *base, struct block *b)
{
	struct image_source *s = (struct image_source *)base;

	if (image_read(s->img, b->raw, b->len, b->off) < 0)
		return -1;
	b->has_raw = true;
	return 0;
}

/* Checks that the image did not change while it was read, and that its snapshot is valid. */
static int image_source_finish(struct source *base, struct wire_end *seen)
{
	struct image_source *s = (struct image_source *)base;

	(void)seen;
	return image_check_end(s->img);
}

static const struct source_ops image_source_ops = {
	.next = image_source_next,
	.load = image_source_load,
	.finish = image_source_finish,
};

struct source *source_image(struct image *img)
{
	struct image_source *s = source_new(sizeof(*s), &image_source_ops, img->len);

	if (!s)
		return NULL;
	s->img = img;
	return &s->base;
}
