/*
 * content: see content.h.
 */
#include "lib/format/content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"

static const char format_raw[] = "raw", format_qcow2[] = "qcow2";

const char *content_format_of(const void *head, size_t n)
{
	return qcow2_is(head, n) ? format_qcow2 : format_raw;
}

static int read_head(int fd, void *p, size_t n)
{
	ssize_t got = io_pread(fd, p, n, 0);

	if (got < 0)
		return err_sys("cannot read at 0");
	return (size_t)got == n ? 0 : err_set(ST_CORRUPT, "the image shrank while it was read");
}

/* Takes the recorded error as the reason. */
static int set_damaged(struct content *c)
{
	memset(c, 0, sizeof(*c));
	c->format = format_raw;
	snprintf(c->damaged, sizeof(c->damaged), "%s", err_text());
	err_clear();
	return 0;
}

/* Whether the first n bytes are of a foreign image: 1, 0, or -1 recorded. */
static int parse_foreign(struct content *c, const void *head, size_t n)
{
	if (foreign_parse(&c->foreign, head, n) < 0)
		return -1;
	if (!c->foreign.format)
		return 0;
	c->format = c->foreign.format;
	return 1;
}

int content_parse_archived(struct content *c, const void *head, size_t n)
{
	int r = parse_foreign(c, head, n);

	if (r != 0)
		return r < 0 ? -1 : 0;
	c->format = content_format_of(head, n);
	if (c->format == format_qcow2 && qcow2_parse(&c->qcow2, head, n) < 0) {
		memset(&c->qcow2, 0, sizeof(c->qcow2));
		err_clear();
	}
	return 0;
}

static int read_archive(struct content *c, int fd, uint64_t len)
{
	uint8_t *head;
	int r;

	c->is_archive = true;
	if (archive_open(&c->archive, fd, len) < 0) {
		if (!c->archive.bad_header)
			return -1;
		set_damaged(c);
		c->archive.bad_header = true;
		return 0;
	}
	c->format = format_raw;
	head = malloc(QCOW2_HEADER_MAX);
	if (!head)
		return err_set(ST_FAILED, "out of memory");
	r = content_parse_archived(
		c, head, archive_head(&c->archive, fd, len, head, QCOW2_HEADER_MAX));
	free(head);
	return r;
}

int content_parse(struct content *c, const void *head, size_t n)
{
	memset(c, 0, sizeof(*c));
	c->format = content_format_of(head, n);
	if (c->format == format_qcow2 && qcow2_parse(&c->qcow2, head, n) < 0)
		return set_damaged(c);
	return 0;
}

int content_parse_stream(struct content *c, const void *head, size_t n)
{
	int r;

	memset(c, 0, sizeof(*c));
	if (!lzop_is(head, n)) {
		r = parse_foreign(c, head, n);
		return r == 0 ? content_parse(c, head, n) : r < 0 ? -1 : 0;
	}
	c->format = format_raw;
	r = lzop_header_parse(&c->archive.header, head, n);
	if (r == 0)
		r = err_set(ST_CORRUPT, "cannot read the lzop header: it is truncated");
	c->is_archive = r > 0;
	return r < 0 ? set_damaged(c) : 0;
}

static int read_qcow2(struct content *c, int fd, uint64_t len)
{
	size_t n = len < QCOW2_HEADER_MAX ? (size_t)len : QCOW2_HEADER_MAX;
	uint8_t *head = malloc(QCOW2_HEADER_MAX);
	int r;

	if (!head)
		return err_set(ST_FAILED, "out of memory");
	r = read_head(fd, head, n);
	if (r == 0)
		r = content_parse(c, head, n);
	free(head);
	return r;
}

int content_read(struct content *c, int fd, uint64_t len, bool is_disk)
{
	uint8_t head[LZOP_MAGIC_LEN];
	size_t n = len < sizeof(head) ? (size_t)len : sizeof(head);

	memset(c, 0, sizeof(*c));
	if (read_head(fd, head, n) < 0)
		return -1;
	c->is_packed_disk = is_disk && lzop_is(head, n);
	if (lzop_is(head, n) && !is_disk)
		return read_archive(c, fd, len);
	if (foreign_read(&c->foreign, fd, len) < 0)
		return -1;
	if (c->foreign.format) {
		c->format = c->foreign.format;
		return 0;
	}
	c->format = content_format_of(head, n);
	return c->format == format_qcow2 ? read_qcow2(c, fd, len) : 0;
}

const char *content_next_file(const struct content *c, size_t *at)
{
	if (c->foreign.format)
		return foreign_next_name(&c->foreign, at);
	if (c->format != format_qcow2 || !qcow2_has_data_file(&c->qcow2) || *at)
		return NULL;
	*at = 1;
	return c->qcow2.data_file;
}

const char *content_backing(const struct content *c)
{
	if (c->foreign.format)
		return c->foreign.backing;
	return c->format == format_qcow2 ? c->qcow2.backing : "";
}

const char *content_backing_format(const struct content *c)
{
	if (c->foreign.format)
		return c->foreign.backing_format ? c->foreign.backing_format : "";
	return c->format == format_qcow2 ? c->qcow2.backing_format : "";
}

int content_look(struct content *c, int fd, uint64_t len)
{
	uint8_t magic[LZOP_MAGIC_LEN];
	ssize_t n = io_pread(fd, magic, sizeof(magic), 0);
	int r, why;

	if (n < 0)
		return -1;
	if (n == 0 || lzop_is(magic, (size_t)n))
		return 0;
	r = content_read(c, fd, len, false);
	why = r < 0 ? err_errno() : 0;
	err_clear();
	errno = why;
	return why ? -1 : r == 0 && !*c->damaged;
}
