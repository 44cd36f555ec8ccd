/*
 * reading_stdin: see reading_stdin.h.
 */
#include "lib/op/reading_stdin.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/flow/inlet.h"
#include "lib/flow/source.h"
#include "lib/format/content.h"

#define MAGIC_MAX FOREIGN_MAGIC /* bytes by which it is known whether there may be a header */

static int parse_archived(struct content *c, struct source *archive)
{
	struct block *first;
	int r = source_archive_peek(archive, &first);

	if (r == 1)
		r = content_parse_archived(c, first->raw, first->len);
	return r < 0 ? -1 : 0;
}

static int open_stream(
	struct reading *r, const struct reading_want *want, const uint8_t *head, size_t n)
{
	struct content *c = r->stream = malloc(sizeof(*c));

	r->content = c;
	if (!c)
		return err_set(ST_FAILED, "out of memory");
	if (n == 0)
		return err_set(ST_CORRUPT, "standard input ended before its first byte");
	if (content_parse_stream(c, head, n) < 0 || reading_accept_damaged(c, want) < 0)
		return -1;
	r->compressed = c->is_archive && !want->as_is;
	if (r->compressed)
		r->source = source_archive(STDIN_FILENO, head, n, want->stream_len);
	else
		r->source = source_stream(STDIN_FILENO, head, n, want->stream_len);
	if (!r->source || (r->compressed && parse_archived(c, r->source) < 0))
		return -1;
	r->format = c->format;
	return 0;
}

/* Only for what may have a header the rest of that is waited for. */
static ssize_t read_head(struct inlet *in, uint8_t *head)
{
	ssize_t more, n = inlet_read(in, head, MAGIC_MAX);

	if (n < MAGIC_MAX || (!lzop_is(head, MAGIC_MAX) && !qcow2_is(head, MAGIC_MAX) &&
				     !foreign_may_begin(head, MAGIC_MAX)))
		return n;
	more = inlet_read(in, head + n, STREAM_HEAD_MAX - MAGIC_MAX);
	return more < 0 ? -1 : n + more;
}

int reading_stdin_open(struct reading *r, const struct reading_want *want)
{
	uint8_t *head = malloc(STREAM_HEAD_MAX);
	struct inlet in;
	ssize_t n = -1;

	r->consistent = true;
	if (!head)
		return err_set(ST_FAILED, "out of memory");
	if (inlet_init(&in, STDIN_FILENO, NULL, 0) == 0) {
		n = read_head(&in, head);
		inlet_fini(&in);
	}
	if (n < 0 || open_stream(r, want, head, (size_t)n) < 0) {
		reading_close(r);
		n = -1;
	}
	free(head);
	return n < 0 ? -1 : 0;
}
