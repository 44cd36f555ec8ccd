/*
 * source_archive: passes on the blocks of an lzop file in their coded form.
 *
 * Our archives, and those of stock lzop, consist of blocks of BLOCK_SIZE bytes
 * with a shorter one only at the end; these are not decoded here.  After a short
 * block anywhere else, the following blocks would not start at multiples of
 * BLOCK_SIZE.  So from there on blocks are decoded into `part` and regrouped.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/size.h"
#include "lib/flow/inlet.h"
#include "lib/flow/source.h"

struct archive_source {
	struct source base;
	struct inlet in;
	struct lzop_header header;
	uint64_t off;
	struct block *part;  /* for regrouping: a decoded block, or NULL */
	uint64_t part_at;    /* bytes of it that are used already */
	struct block *ahead; /* the first block, if source_archive_peek() has read it */
	bool ended;	     /* the end mark was read */
};

static int archive_truncated(struct archive_source *s)
{
	char done[SIZE_HUMAN];

	return err_set(ST_CORRUPT, "the archive is truncated, after %s of the image",
		size_human(s->off, done));
}

static int archive_source_read_header(struct archive_source *s)
{
	const uint8_t *p;
	ssize_t n;
	int r;

	/* A pipe may have no more than a short header yet, so that is asked for first. */
	size_t want = 64;

	do {
		n = inlet_peek(&s->in, want, &p);
		if (n < 0)
			return -1;
		r = lzop_header_parse(&s->header, p, (size_t)n);
		if (r == 0 && (size_t)n < want)
			return archive_truncated(s);
		want = want * 2 < LZOP_HEADER_MAX ? want * 2 : LZOP_HEADER_MAX;
	} while (r == 0);
	if (r < 0)
		return -1;
	inlet_skip(&s->in, s->header.size);
	return 0;
}

/* Parses the header of the next block.  1; 0: it is the end mark; -1 recorded. */
static int archive_source_peek(struct archive_source *s, struct lzop_block *lb)
{
	const uint8_t *p;
	size_t want = 4;
	ssize_t n;
	int r;

	do {
		n = inlet_peek(&s->in, want, &p);
		if (n < 0)
			return -1;
		r = lzop_block_parse(lb, &s->header, p, (size_t)n);
		if (r == 0 && ((size_t)n < want || want == LZOP_BLOCK_HEADER_MAX))
			return archive_truncated(s);
		want = want == 4 ? 8 : want + 4;
	} while (r == 0);
	if (r < 0)
		return -1;
	return lb->raw_len ? 1 : 0;
}

/* Checks that nothing follows the end mark.  0, or -1 recorded. */
static int archive_source_end(struct archive_source *s, const struct lzop_block *lb)
{
	const uint8_t *p;
	ssize_t n;

	inlet_skip(&s->in, lb->size);
	s->ended = true;
	n = inlet_peek(&s->in, LZOP_MAGIC_LEN, &p);
	if (n < 0)
		return -1;
	if (n > 0)
		return err_set(ST_CORRUPT,
			lzop_is(p, (size_t)n) ? "the archive has several members"
					      : "there are bytes after the end of the archive");
	return 0;
}

/* Reads one block in its coded form.  1; 0: there are no more; -1 recorded. */
static int archive_source_read(struct archive_source *s, struct block *b)
{
	struct lzop_block lb;
	ssize_t n;
	int r;

	if (s->ended)
		return 0;
	r = archive_source_peek(s, &lb);
	if (r < 0)
		return -1;
	if (r == 0)
		return archive_source_end(s, &lb);
	inlet_skip(&s->in, lb.size);
	block_set_data(b, s->off, lb.raw_len);
	n = inlet_read(&s->in, lb.coded_len == lb.raw_len ? b->raw : b->enc, lb.coded_len);
	if (n < 0)
		return -1;
	if ((size_t)n < lb.coded_len)
		return archive_truncated(s);
	return lzop_block_take(b, &s->header, &lb) < 0 ? -1 : 1;
}

/* Makes the next block from parts of decoded ones. */
static int archive_source_regroup(struct archive_source *s, struct block *b)
{
	uint64_t fill = 0, n;
	int r;

	while (fill < BLOCK_SIZE) {
		if (s->part_at == s->part->len) {
			r = archive_source_read(s, s->part);
			if (r == 1)
				r = block_decode(s->part) < 0 ? -1 : 1;
			if (r < 0)
				return -1;
			if (r == 0)
				break;
			s->part_at = 0;
		}
		n = s->part->len - s->part_at;
		if (n > BLOCK_SIZE - fill)
			n = BLOCK_SIZE - fill;
		memcpy(b->raw + fill, s->part->raw + s->part_at, n);
		s->part_at += n;
		fill += n;
	}
	if (fill == 0)
		return 0;
	block_set_data(b, s->off, fill);
	b->has_raw = true;
	s->off += fill;
	return 1;
}

/* The block is in its coded form, unless it was regrouped. */
static int archive_source_make(struct archive_source *s, struct block *b)
{
	struct lzop_block lb;
	struct block swap;
	int r;

	if (s->part)
		return archive_source_regroup(s, b);
	r = archive_source_read(s, b);
	if (r != 1)
		return r;
	if (b->len < BLOCK_SIZE) {
		r = archive_source_peek(s, &lb);
		if (r < 0)
			return -1;
		if (r == 1) {
			s->part = block_new();
			if (!s->part || block_decode(b) < 0)
				return -1;
			swap = *b;
			*b = *s->part;
			*s->part = swap;
			return archive_source_regroup(s, b);
		}
	}
	s->off += b->len;
	return 1;
}

static int archive_source_next(struct source *base, struct block *b)
{
	struct archive_source *s = (struct archive_source *)base;
	struct block swap = *b;

	if (!s->ahead)
		return archive_source_make(s, b);
	*b = *s->ahead;
	*s->ahead = swap;
	block_free(s->ahead);
	s->ahead = NULL;
	return 1;
}

static void archive_source_stop(struct source *base)
{
	inlet_stop(&((struct archive_source *)base)->in);
}

static int archive_source_finish(struct source *base, struct wire_end *seen)
{
	struct archive_source *s = (struct archive_source *)base;

	if (!s->header.has_length)
		return 0;
	if (s->header.length != seen->len)
		return err_set(ST_CORRUPT,
			"the archive has another length (%llu bytes) than in its header (%llu)",
			(unsigned long long)seen->len, (unsigned long long)s->header.length);
	if (!hash_equal(&s->header.digest, &seen->digest))
		return err_set(ST_CORRUPT, "the archive's digest is not the one in its header");
	return 0;
}

static void archive_source_free(struct source *base)
{
	struct archive_source *s = (struct archive_source *)base;

	inlet_fini(&s->in);
	block_free(s->part);
	block_free(s->ahead);
}

static const struct source_ops archive_source_ops = {
	.next = archive_source_next,
	.stop = archive_source_stop,
	.finish = archive_source_finish,
	.free = archive_source_free,
};

/* Takes the length from the header, if that has one.  0, or -1 recorded: another was expected. */
static int archive_source_take_len(struct archive_source *s)
{
	uint64_t expected = s->base.len;

	if (!s->header.has_length)
		return 0;
	s->base.len = s->header.length;
	if (expected == FLOW_LEN_UNKNOWN || expected == s->header.length)
		return 0;
	return err_set(ST_CORRUPT, "the archive is of an image of %llu bytes, not of %llu",
		(unsigned long long)s->header.length, (unsigned long long)expected);
}

struct source *source_archive(int fd, const void *head, size_t head_len, uint64_t len)
{
	struct archive_source *s = source_new(sizeof(*s), &archive_source_ops, len);

	if (!s)
		return NULL;
	if (inlet_init(&s->in, fd, head, head_len) < 0 || archive_source_read_header(s) < 0 ||
		archive_source_take_len(s) < 0) {
		source_free(&s->base);
		return NULL;
	}
	return &s->base;
}

int source_archive_peek(struct source *base, struct block **first)
{
	struct archive_source *s = (struct archive_source *)base;
	int r;

	s->ahead = block_new();
	if (!s->ahead)
		return -1;
	r = archive_source_make(s, s->ahead);
	if (r == 1 && block_decode(s->ahead) < 0)
		r = -1;
	if (r == 1) {
		*first = s->ahead;
		return 1;
	}
	block_free(s->ahead);
	s->ahead = NULL;
	return r < 0 ? -1 : 0;
}
