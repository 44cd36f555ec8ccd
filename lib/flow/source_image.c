/*
 * source_image: goes through the data extents of the image.  A block that has any data is
 * sent as a data block, and only its units (block.h) that may hold data are read.
 *
 * The position of the next extent is determined before the current one is read.
 * The kernel's read-ahead creates page cache pages for allocated but unwritten
 * space, and SEEK_DATA then reports these pages as data; so each read would turn
 * more of the hole behind it into data.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/flow/source.h"

#define BLOCK_EXTENTS_MAX 8

struct image_source {
	struct source base;
	struct image *img;
	uint64_t off; /* of the next block */
	bool has_begun;
	struct extent {
		uint64_t start, end; /* both are the length of the image if there is none */
	} now, ahead;		     /* the first extent that ends after off, and that after it */
};

/* Finds the extent at or after off.  0, or -1 recorded. */
static int image_source_find(struct image_source *s, uint64_t off, struct extent *e)
{
	int r = s->img->ops->extent(s->img, off, &e->start, &e->end);

	if (r == 0)
		e->start = e->end = s->base.len;
	return r < 0 ? -1 : 0;
}

static int image_source_advance(struct image_source *s)
{
	s->now = s->ahead;
	return image_source_find(s, s->now.end, &s->ahead);
}

static int image_source_begin(struct image_source *s)
{
	s->has_begun = true;
	return image_source_find(s, 0, &s->ahead) < 0 ? -1 : image_source_advance(s);
}

/*
 * Finds the units of the data block b that are in a hole, unless there are so many small
 * extents that reading is faster than finding them.  0, or -1 recorded.
 */
static int image_source_find_holes(struct image_source *s, struct block *b)
{
	uint64_t from, to, end = b->off + b->len;
	unsigned extents = 0;

	b->zero_units = block_units(0, b->len);
	while (s->now.start < end) {
		from = s->now.start > b->off ? s->now.start : b->off;
		to = s->now.end < end ? s->now.end : end;
		if (++extents == BLOCK_EXTENTS_MAX && s->ahead.start < end) {
			to = end;
			if (image_source_find(s, end, &s->ahead) < 0)
				return -1;
		}
		b->zero_units &= ~block_units(from - b->off, to - b->off);
		if (s->now.end > end)
			break;
		if (image_source_advance(s) < 0)
			return -1;
	}
	return 0;
}

static int image_source_next(struct source *base, struct block *b)
{
	struct image_source *s = (struct image_source *)base;
	uint64_t left = s->base.len - s->off, data;

	if (left == 0)
		return 0;
	if (!s->has_begun && image_source_begin(s) < 0)
		return -1;
	data = s->now.start < s->base.len ? s->now.start - s->now.start % BLOCK_SIZE : s->base.len;
	if (data > s->off) {
		block_set_hole(b, s->off, data - s->off);
	} else {
		block_set_data(b, s->off, left < BLOCK_SIZE ? left : BLOCK_SIZE);
		if (image_source_find_holes(s, b) < 0)
			return -1;
	}
	s->off += b->len;
	return 1;
}

static int image_source_load(struct source *base, struct block *b)
{
	struct image_source *s = (struct image_source *)base;
	uint64_t from, to;
	bool is_hole;

	for (from = 0; from < b->len; from = to) {
		to = block_run(b, from, &is_hole);
		if (is_hole)
			memset(b->raw + from, 0, to - from);
		else if (image_read(s->img, b->raw + from, to - from, b->off + from) < 0)
			return -1;
	}
	b->has_raw = true;
	return 0;
}

/* Checks that the image did not change while it was read. */
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
	image_spare_cache(img);
	return &s->base;
}
