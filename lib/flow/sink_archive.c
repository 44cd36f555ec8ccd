/*
 * sink_archive: appends coded blocks as they come; a hole is written as the
 * same coded block of zeros, repeated.  The header is first written with an
 * unknown length; a target's header is overwritten at the end, when length and
 * digest are known.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/flow/outlet.h"
#include "lib/flow/sink.h"

struct archive_sink {
	struct sink base;
	struct target *target;
	struct outlet out;
	struct block *zero; /* coded zeros, as many as were written last */
	char name[256];
	struct archive_origin origin;
};

/* Writes the header; known NULL: as a placeholder, before the blocks. */
static int archive_sink_write_header(struct archive_sink *s, const struct wire_end *known)
{
	static const struct hash none;
	struct buf b = BUF_INIT;
	int r;

	lzop_header_write(&b, s->name, s->origin.mode, s->origin.mtime,
		known ? known->len : FLOW_LEN_UNKNOWN,
		!s->target ? NULL
		: known	   ? &known->digest
			   : &none);
	r = buf_failed(&b);
	if (r == 0)
		r = known ? target_write(s->target, b.data, b.len, 0)
			  : outlet_write(&s->out, b.data, b.len);
	buf_fini(&b);
	return r;
}

static int archive_sink_append(struct archive_sink *s, const struct block *b)
{
	uint8_t head[LZOP_OWN_BLOCK_HEADER];

	lzop_block_write(head, b);
	if (outlet_write(&s->out, head, sizeof(head)) < 0)
		return -1;
	return outlet_write(&s->out, block_coded(b), b->coded_len);
}

static int archive_sink_put(struct sink *base, struct block *b)
{
	struct archive_sink *s = (struct archive_sink *)base;
	uint64_t left, n;

	if (b->kind == BLOCK_DATA)
		return archive_sink_append(s, b);
	for (left = b->len; left; left -= n) {
		n = left < BLOCK_SIZE ? left : BLOCK_SIZE;
		if (n != s->zero->len) {
			block_set_data(s->zero, 0, n);
			memset(s->zero->raw, 0, n);
			s->zero->has_raw = true;
			block_encode(s->zero, true);
		}
		if (cancel_check() < 0)
			return -1;
		if (archive_sink_append(s, s->zero) < 0)
			return -1;
	}
	return 0;
}

static int archive_sink_finish(struct sink *base, const struct wire_end *end)
{
	static const uint8_t end_mark[4];
	struct archive_sink *s = (struct archive_sink *)base;

	if (outlet_write(&s->out, end_mark, sizeof(end_mark)) < 0 || outlet_flush(&s->out) < 0)
		return -1;
	if (!s->target)
		return 0;
	if (target_set_len(s->target, s->out.off) < 0)
		return -1;
	return archive_sink_write_header(s, end);
}

static void archive_sink_free(struct sink *base)
{
	struct archive_sink *s = (struct archive_sink *)base;

	outlet_fini(&s->out);
	block_free(s->zero);
}

static const struct sink_ops archive_sink_ops = {
	.wants = SINK_ARCHIVE,
	.put = archive_sink_put,
	.finish = archive_sink_finish,
	.free = archive_sink_free,
};

struct sink *sink_archive(struct target *t, int fd, const struct archive_origin *origin)
{
	struct archive_sink *s = sink_new(sizeof(*s), &archive_sink_ops);

	if (!s)
		return NULL;
	s->target = t;
	s->origin = *origin;
	if (!s->origin.mtime)
		s->origin.mtime = (uint64_t)time(NULL);
	strncpy(s->name, origin->name, sizeof(s->name) - 1);
	s->zero = block_new();
	if (!s->zero || outlet_init(&s->out, t, fd) < 0 || archive_sink_write_header(s, NULL) < 0) {
		sink_free(&s->base);
		return NULL;
	}
	return &s->base;
}
