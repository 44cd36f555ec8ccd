/*
 * How it works: libblkid looks at a descriptor.  Filesystems and partition
 * tables are two runs of it, as the first would end at "more than one thing".
 * What an archive holds is unpacked into a memfd that is as long as the image,
 * because a filesystem or table that reaches past the end is not believed.
 */
#include "lib/store/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <blkid/blkid.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"
#include "lib/store/qcow2.h"

#define WINDOW 4096 /* bytes that are read for a block header, and serve those near it */

static const char format_raw[] = "raw", format_qcow2[] = "qcow2";

static void take(blkid_probe pr, const char *name, char *out, size_t size)
{
	const char *value;
	size_t len;

	if (blkid_probe_lookup_value(pr, name, &value, &len) != 0)
		return;
	len = strnlen(value, len);
	if (len >= size)
		len = size - 1;
	memcpy(out, value, len);
	out[len] = '\0';
}

/* Runs the chain that is enabled: 1 found, 0 nothing or too much, -1 recorded. */
static int run(blkid_probe pr)
{
	int r;

	errno = 0;
	r = blkid_do_safeprobe(pr);
	if (r == 0)
		return 1;
	if (r == 1 || r == -2)
		return 0;
	if (errno == 0)
		errno = EIO;
	return err_sys("cannot look for filesystems");
}

static int probe_superblocks(blkid_probe pr, struct probe *p)
{
	int r;

	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(
		pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID);
	r = run(pr);
	if (r == 1) {
		take(pr, "TYPE", p->fs_type, sizeof(p->fs_type));
		take(pr, "LABEL", p->fs_label, sizeof(p->fs_label));
		take(pr, "UUID", p->fs_uuid, sizeof(p->fs_uuid));
	}
	blkid_probe_enable_superblocks(pr, 0);
	return r;
}

static int probe_partitions(blkid_probe pr, struct probe *p)
{
	char type[PROBE_TEXT] = "";
	int r;

	blkid_probe_enable_partitions(pr, 1);
	r = run(pr);
	if (r == 1)
		take(pr, "PTTYPE", type, sizeof(type));
	if (strcmp(type, "gpt") == 0 || strcmp(type, "dos") == 0)
		memcpy(p->partitions, type, strlen(type) + 1);
	return r;
}

int probe_fd(int fd, uint64_t len, struct probe *p)
{
	blkid_probe pr;
	int r = -1;

	memset(p, 0, sizeof(*p));
	if (len == 0) /* to libblkid: as much as there is */
		return 0;
	if (len > SIZE_LIMIT)
		return err_set(ST_CORRUPT, "cannot look for filesystems: impossible length");
	pr = blkid_new_probe();
	if (!pr)
		return err_set(ST_FAILED, "out of memory");
	errno = 0;
	if (blkid_probe_set_device(pr, fd, 0, (blkid_loff_t)len) != 0) {
		if (errno == 0)
			errno = EIO;
		err_sys("cannot look for filesystems");
	} else if (probe_superblocks(pr, p) >= 0) {
		blkid_reset_probe(pr);
		r = probe_partitions(pr, p) < 0 ? -1 : 0;
	}
	blkid_free_probe(pr);
	return r;
}

int probe_format(struct image *img, const char **format)
{
	uint8_t head[4];
	size_t n = img->len < sizeof(head) ? (size_t)img->len : sizeof(head);

	if (image_read(img, head, n, 0) < 0)
		return -1;
	*format = qcow2_is(head, n) ? format_qcow2 : format_raw;
	return 0;
}

int probe_is_archive(struct image *img)
{
	uint8_t head[LZOP_MAGIC_LEN];

	if (img->len < sizeof(head))
		return 0;
	if (image_read(img, head, sizeof(head), 0) < 0)
		return -1;
	return lzop_is(head, sizeof(head)) ? 1 : 0;
}

static int read_header(struct image *img, struct lzop_header *h)
{
	size_t want = img->len < WINDOW ? (size_t)img->len : WINDOW, n = 0;
	uint8_t *head = malloc(LZOP_HEADER_MAX);
	int r = 0;

	if (!head)
		return err_set(ST_FAILED, "out of memory");
	while (r == 0) {
		r = image_read(img, head + n, want - n, n);
		n = want;
		if (r == 0)
			r = lzop_header_parse(h, head, n);
		if (r != 0)
			break;
		want = img->len < LZOP_HEADER_MAX ? (size_t)img->len : LZOP_HEADER_MAX;
		if (n == want)
			r = err_set(ST_CORRUPT, "read the lzop header: it is cut short");
	}
	free(head);
	return r == 1 ? 0 : -1;
}

/* The bytes around an archive's block headers. */
struct window {
	struct image *img;
	uint64_t at;
	size_t n;
	uint8_t byte[WINDOW];
};

/* The header at off: 1 and lb; 0: the archive ends within it; -1. */
static int window_block(
	struct window *w, const struct lzop_header *h, uint64_t off, struct lzop_block *lb)
{
	uint64_t left = off < w->img->len ? w->img->len - off : 0;
	size_t need = left < LZOP_BLOCK_HEADER_MAX ? (size_t)left : LZOP_BLOCK_HEADER_MAX;

	if (off < w->at || off + need > w->at + w->n) {
		w->n = 0;
		if (image_read(w->img, w->byte, left < WINDOW ? (size_t)left : WINDOW, off) < 0)
			return -1;
		w->at = off;
		w->n = left < WINDOW ? (size_t)left : WINDOW;
	}
	return lzop_block_parse(lb, h, w->byte + (off - w->at), (size_t)(w->at + w->n - off));
}

static int walk(struct image *img, struct probe_archive *a)
{
	struct window w = { .img = img };
	struct lzop_block lb;
	uint64_t off = a->header.size;
	int r;

	while ((r = window_block(&w, &a->header, off, &lb)) == 1 && lb.raw_len) {
		off += lb.size;
		if (lb.coded_len > img->len - off)
			return 0;
		off += lb.coded_len;
		a->len += lb.raw_len;
		if (a->len > SIZE_LIMIT)
			return err_set(ST_CORRUPT, "impossible length of the archive's image");
	}
	a->is_whole = r == 1 && off + lb.size == img->len;
	return r < 0 ? -1 : 0;
}

int probe_archive_open(struct image *img, struct probe_archive *a)
{
	memset(a, 0, sizeof(*a));
	if (read_header(img, &a->header) < 0)
		return -1;
	if (!a->header.has_length)
		return walk(img, a);
	a->len = a->header.length;
	a->is_whole = true;
	return 0;
}

/*
 * Reads and decodes the block whose header is at *off, and moves *off past
 * it: 1; 0: there is none, or only its beginning; -1.
 */
static int next_block(struct window *w, const struct lzop_header *h, uint64_t *off, struct block *b)
{
	struct lzop_block lb;
	int r = window_block(w, h, *off, &lb);

	if (r != 1 || lb.raw_len == 0)
		return r < 0 ? -1 : 0;
	*off += lb.size;
	if (lb.coded_len > w->img->len - *off)
		return 0;
	if (image_read(w->img, lb.coded_len == lb.raw_len ? b->raw : b->enc, lb.coded_len, *off) <
		0)
		return -1;
	*off += lb.coded_len;
	return lzop_block_take(b, h, &lb) < 0 || block_decode(b) < 0 ? -1 : 1;
}

/* Unpacks what is looked at into fd; *n is its length. */
static int unpack_head(struct image *img, const struct probe_archive *a, int fd, uint64_t *n)
{
	uint64_t want = a->len < PROBE_ARCHIVE_HEAD ? a->len : PROBE_ARCHIVE_HEAD;
	uint64_t off = a->header.size;
	struct window w = { .img = img };
	struct block *b = block_new();
	int r = b ? 1 : -1;

	for (*n = 0; r == 1 && *n < want; *n += b->len) {
		r = next_block(&w, &a->header, &off, b);
		if (r != 1)
			break;
		if (io_pwrite(fd, b->raw, b->len, *n) < 0)
			r = err_sys("cannot unpack into memory");
	}
	block_free(b);
	return r < 0 ? -1 : 0;
}

const char *probe_archive_format(struct image *img, const struct probe_archive *a)
{
	uint64_t off = a->header.size;
	struct window w = { .img = img };
	struct block *b = block_new();
	const char *format = format_raw;

	if (b && next_block(&w, &a->header, &off, b) == 1 && qcow2_is(b->raw, b->len))
		format = format_qcow2;
	err_clear();
	block_free(b);
	return format;
}

int probe_archive(
	struct image *img, const struct probe_archive *a, struct probe *p, const char **format)
{
	uint8_t magic[4];
	uint64_t n;
	ssize_t got;
	int r = -1, fd;

	memset(p, 0, sizeof(*p));
	*format = format_raw;
	fd = memfd_create("img-tools probe", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys("cannot unpack into memory");
	if (unpack_head(img, a, fd, &n) < 0)
		goto out;
	got = io_pread(fd, magic, sizeof(magic), 0);
	if (got < 0) {
		err_sys("cannot read what was unpacked");
		goto out;
	}
	if (qcow2_is(magic, (size_t)got)) { /* what libblkid would find is not the guest's */
		*format = format_qcow2;
		r = 0;
		goto out;
	}
	/* A length that memory cannot have is a lie, or this host's limit: look at the head. */
	r = probe_fd(fd, a->len <= SIZE_LIMIT && ftruncate(fd, (off_t)a->len) == 0 ? a->len : n, p);
out:
	close(fd);
	return r;
}
