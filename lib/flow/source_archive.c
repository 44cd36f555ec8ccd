/*
 * source_archive: an lzop file's blocks, in the form they have there.
 *
 * Archives of ours and of stock lzop consist of whole blocks with a short one
 * at the end, and those pass undecoded.  A short block anywhere else would put
 * all that follow out of step; from there on blocks are decoded into `part`
 * and cut anew.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/flow/inlet.h"
#include "lib/flow/source.h"
#include "lib/format/qcow2.h"

struct archive_source {
	struct source base;
	struct inlet in;
	struct lzop_header header;
	uint64_t off;
	struct block *part;  /* regrouping: a decoded block, */
	uint64_t part_at;    /* of which this much is used */
	struct block *ahead; /* the first one, if it was looked at already */
	bool ended;	     /* the end mark was read */
};

static int truncated(struct archive_source *s)
{
	return err_set(ST_CORRUPT, "the archive is truncated, after %llu bytes of the image",
		(unsigned long long)s->off);
}

static int read_header(struct archive_source *s)
{
	const uint8_t *p;
	ssize_t n;
	int r;

	/* A pipe may not have more than a short header to give yet. */
	size_t want = 64;

	do {
		n = inlet_peek(&s->in, want, &p);
		if (n < 0)
			return -1;
		r = lzop_header_parse(&s->header, p, (size_t)n);
		if (r == 0 && (size_t)n < want)
			return truncated(s);
		want = want * 2 < LZOP_HEADER_MAX ? want * 2 : LZOP_HEADER_MAX;
	} while (r == 0);
	if (r < 0)
		return -1;
	inlet_skip(&s->in, s->header.size);
	return 0;
}

/* The next block's header; 1, 0 at the end mark, -1. */
static int peek_block(struct archive_source *s, struct lzop_block *lb)
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
			return truncated(s);
		want = want == 4 ? 8 : want + 4;
	} while (r == 0);
	if (r < 0)
		return -1;
	return lb->raw_len ? 1 : 0;
}

/* After the end mark nothing may follow: not another member, not rubbish. */
static int at_end(struct archive_source *s, const struct lzop_block *lb)
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

/* Reads one block as it is: 1; 0: the end; -1. */
static int read_block(struct archive_source *s, struct block *b)
{
	struct lzop_block lb;
	ssize_t n;
	int r;

	if (s->ended)
		return 0;
	r = peek_block(s, &lb);
	if (r < 0)
		return -1;
	if (r == 0)
		return at_end(s, &lb);
	inlet_skip(&s->in, lb.size);
	block_set_data(b, s->off, lb.raw_len);
	n = inlet_read(&s->in, lb.coded_len == lb.raw_len ? b->raw : b->enc, lb.coded_len);
	if (n < 0)
		return -1;
	if ((size_t)n < lb.coded_len)
		return truncated(s);
	if (lzop_block_take(b, &s->header, &lb) < 0)
		return err_wrap("at %llu bytes of the image", (unsigned long long)s->off);
	return 1;
}

/* read_block(), or the one that was read for source_archive_format(). */
static int take_block(struct archive_source *s, struct block *b)
{
	struct block swap = *b;

	if (!s->ahead)
		return read_block(s, b);
	*b = *s->ahead;
	*s->ahead = swap;
	block_free(s->ahead);
	s->ahead = NULL;
	return 1;
}

/* The next block made of pieces of foreign ones. */
static int regroup(struct archive_source *s, struct block *b)
{
	uint64_t fill = 0, n;
	int r;

	while (fill < BLOCK_SIZE) {
		if (s->part_at == s->part->len) {
			r = read_block(s, s->part);
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

static int next(struct source *base, struct block *b)
{
	struct archive_source *s = (struct archive_source *)base;
	struct lzop_block lb;
	struct block swap;
	int r;

	if (s->part)
		return regroup(s, b);
	r = take_block(s, b);
	if (r != 1)
		return r;
	if (b->len < BLOCK_SIZE) {
		r = peek_block(s, &lb);
		if (r < 0)
			return -1;
		if (r == 1) {
			s->part = block_new();
			if (!s->part || block_decode(b) < 0)
				return -1;
			swap = *b;
			*b = *s->part;
			*s->part = swap;
			return regroup(s, b);
		}
	}
	s->off += b->len;
	return 1;
}

static void stop(struct source *base)
{
	inlet_stop(&((struct archive_source *)base)->in);
}

static int finish(struct source *base, struct wire_end *seen)
{
	struct archive_source *s = (struct archive_source *)base;

	if (!s->header.has_length)
		return 0;
	if (s->header.length != seen->len)
		return err_set(ST_CORRUPT, "the archive holds %llu bytes, its header says %llu",
			(unsigned long long)seen->len, (unsigned long long)s->header.length);
	if (!hash_equal(&s->header.digest, &seen->digest))
		return err_set(
			ST_CORRUPT, "the archive's content does not have the digest in its header");
	return 0;
}

static void release(struct source *base)
{
	struct archive_source *s = (struct archive_source *)base;

	inlet_fini(&s->in);
	block_free(s->part);
	block_free(s->ahead);
}

static const struct source_ops ops = {
	.next = next,
	.stop = stop,
	.finish = finish,
	.free = release,
};

struct source *source_archive(int fd, const void *head, size_t head_len, uint64_t len)
{
	struct archive_source *s = source_new(sizeof(*s), &ops, len);

	if (!s)
		return NULL;
	if (inlet_init(&s->in, fd, head, head_len) < 0 || read_header(s) < 0) {
		source_free(&s->base);
		return NULL;
	}
	if (s->header.has_length)
		s->base.len = s->header.length;
	return &s->base;
}

int source_archive_format(struct source *base, const char **format)
{
	struct archive_source *s = (struct archive_source *)base;
	int r;

	*format = "raw";
	s->ahead = block_new();
	if (!s->ahead)
		return -1;
	r = read_block(s, s->ahead);
	if (r == 1 && block_decode(s->ahead) < 0)
		r = -1;
	if (r == 1 && qcow2_is(s->ahead->raw, s->ahead->len))
		*format = "qcow2";
	if (r != 1) {
		block_free(s->ahead);
		s->ahead = NULL;
	}
	return r < 0 ? -1 : 0;
}
