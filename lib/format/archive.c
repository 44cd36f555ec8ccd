/*
 * archive: the beginning of the image is unpacked into a memfd that is as long as the image,
 * because libblkid rejects a filesystem or table that ends beyond the end.
 */
#include "lib/format/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"

#define WINDOW 4096 /* bytes read at once, which may have the headers of several blocks */

/* A part of the archive, with headers of blocks. */
struct window {
	int fd;
	uint64_t len; /* of the archive */
	uint64_t at;
	size_t n;
	uint8_t byte[WINDOW];
};

static int read_at(int fd, void *p, size_t n, uint64_t off)
{
	ssize_t got = io_pread(fd, p, n, off);

	if (got < 0)
		return err_sys("cannot read at %llu", (unsigned long long)off);
	return (size_t)got == n ? 0 : err_set(ST_CORRUPT, "the archive shrank while it was read");
}

static int read_header(struct archive *a, int fd, uint64_t len)
{
	size_t want = len < WINDOW ? (size_t)len : WINDOW, n = 0;
	uint8_t *head = malloc(LZOP_HEADER_MAX);
	int r = 0;

	if (!head)
		return err_set(ST_FAILED, "out of memory");
	while (r == 0) {
		r = read_at(fd, head + n, want - n, n);
		n = want;
		if (r == 0 && (r = lzop_header_parse(&a->header, head, n)) < 0)
			a->bad_header = true;
		if (r != 0)
			break;
		want = len < LZOP_HEADER_MAX ? (size_t)len : LZOP_HEADER_MAX;
		if (n == want) {
			a->bad_header = true;
			r = err_set(ST_CORRUPT, "cannot read the lzop header: it is truncated");
		}
	}
	free(head);
	return r == 1 ? 0 : -1;
}

/* Parses the header of the block at off.  1 and *lb; 0: the archive ends within it; -1. */
static int parse_block(
	struct window *w, const struct lzop_header *h, uint64_t off, struct lzop_block *lb)
{
	uint64_t left = off < w->len ? w->len - off : 0;
	size_t need = left < LZOP_BLOCK_HEADER_MAX ? (size_t)left : LZOP_BLOCK_HEADER_MAX;

	if (off < w->at || off + need > w->at + w->n) {
		w->n = 0;
		if (read_at(w->fd, w->byte, left < WINDOW ? (size_t)left : WINDOW, off) < 0)
			return -1;
		w->at = off;
		w->n = left < WINDOW ? (size_t)left : WINDOW;
	}
	return lzop_block_parse(lb, h, w->byte + (off - w->at), (size_t)(w->at + w->n - off));
}

/* Adds up the lengths in the headers of all blocks. */
static int walk_blocks(struct archive *a, int fd, uint64_t len)
{
	struct window w = { .fd = fd, .len = len };
	struct lzop_block lb;
	uint64_t off = a->header.size;
	int r;

	while ((r = parse_block(&w, &a->header, off, &lb)) == 1 && lb.raw_len) {
		if (cancel_check() < 0)
			return -1;
		off += lb.size;
		if (lb.coded_len > len - off)
			return 0;
		off += lb.coded_len;
		a->len += lb.raw_len;
		if (a->len > SIZE_LIMIT)
			return err_set(ST_CORRUPT, "impossible length of the archive's image");
	}
	a->is_intact = r == 1 && off + lb.size == len;
	return r < 0 ? -1 : 0;
}

int archive_open(struct archive *a, int fd, uint64_t len)
{
	memset(a, 0, sizeof(*a));
	if (read_header(a, fd, len) < 0)
		return -1;
	if (!a->header.has_length)
		return walk_blocks(a, fd, len);
	a->len = a->header.length;
	a->is_intact = true;
	return 0;
}

/*
 * Reads and decodes the block whose header is at *off, and sets *off to its end.  1; 0:
 * there is no further block, or it is truncated; -1.
 */
static int read_block(struct window *w, const struct lzop_header *h, uint64_t *off, struct block *b)
{
	struct lzop_block lb;
	int r = parse_block(w, h, *off, &lb);

	if (r != 1 || lb.raw_len == 0)
		return r < 0 ? -1 : 0;
	*off += lb.size;
	if (lb.coded_len > w->len - *off)
		return 0;
	if (read_at(w->fd, lb.coded_len == lb.raw_len ? b->raw : b->enc, lb.coded_len, *off) < 0)
		return -1;
	*off += lb.coded_len;
	return lzop_block_take(b, h, &lb) < 0 || block_decode(b) < 0 ? -1 : 1;
}

size_t archive_head(const struct archive *a, int fd, uint64_t len, uint8_t *head, size_t max)
{
	uint64_t off = a->header.size;
	struct window w = { .fd = fd, .len = len };
	struct block *b = block_new();
	size_t n = 0, part;

	while (b && n < max && read_block(&w, &a->header, &off, b) == 1) {
		part = b->len < max - n ? (size_t)b->len : max - n;
		memcpy(head + n, b->raw, part);
		n += part;
	}
	block_free(b);
	err_clear();
	return n;
}

/* Unpacks the beginning of the image into `to`; *n is the number of bytes. */
static int unpack_head(const struct archive *a, int fd, uint64_t len, int to, uint64_t *n)
{
	uint64_t want = a->len < ARCHIVE_HEAD ? a->len : ARCHIVE_HEAD, off = a->header.size;
	struct window w = { .fd = fd, .len = len };
	struct block *b = block_new();
	int r = b ? 1 : -1;

	for (*n = 0; r == 1 && *n < want; *n += b->len) {
		r = read_block(&w, &a->header, &off, b);
		if (r != 1)
			break;
		if (io_pwrite(to, b->raw, b->len, *n) < 0)
			r = err_sys("cannot unpack into memory");
	}
	block_free(b);
	return r < 0 ? -1 : 0;
}

int archive_probe(const struct archive *a, int fd, uint64_t len, struct probe *p)
{
	uint64_t n;
	int r, memory = memfd_create("img-tools probe", MFD_CLOEXEC);

	memset(p, 0, sizeof(*p));
	if (memory < 0)
		return err_sys("cannot unpack into memory");
	r = unpack_head(a, fd, len, memory, &n);
	/* If memory cannot be as long as the header says, probe only what was unpacked. */
	if (r == 0)
		r = probe_fd(memory,
			a->len <= SIZE_LIMIT && ftruncate(memory, (off_t)a->len) == 0 ? a->len : n,
			p);
	close(memory);
	return r;
}
