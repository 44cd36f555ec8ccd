/*
 * lzop: the parsers read through a view (buf.h) and check the fields only after
 * all of them were there, so every prefix of a valid header returns 0.  The
 * fields of a header are checked after its checksum.
 */
#include "lib/block/lzop.h"

#include <string.h>
#include <sys/stat.h>

#include <libdeflate.h>

#include "lib/base/err.h"
#include "lib/base/size.h"

#define OWN_VERSION 0x1040 /* our headers are those of lzop 1.04 */
#define OWN_LIBRARY 0x20a0 /* LZO 2.10 */
#define OWN_NEEDED 0x0940
#define OWN_METHOD 1
#define OWN_LEVEL 5

#define OLDEST_VERSION 0x0900
#define LAYOUT_0940 0x0940 /* added "needed", level and the high half of mtime */

#define EXTRA_TAG "img-tool"
#define EXTRA_TAG_LEN 8
#define EXTRA_SIZE (EXTRA_TAG_LEN + 8 + HASH_SIZE)
#define OWN_HEADER_MAX (LZOP_MAGIC_LEN + 25 + 255 + 4 + 4 + EXTRA_SIZE + 4)

static uint32_t adler32(const void *p, size_t n)
{
	return libdeflate_adler32(1, p, n);
}

static uint32_t crc32(const void *p, size_t n)
{
	return libdeflate_crc32(0, p, n);
}

static uint32_t lzop_header_sum(const struct lzop_header *h, const void *p, size_t n)
{
	return h->flags & LZOP_F_HEADER_CRC32 ? crc32(p, n) : adler32(p, n);
}

static int lzop_header_corrupt(const char *why)
{
	return err_set(ST_CORRUPT, "cannot read the lzop header: %s", why);
}

static int lzop_block_corrupt(const char *why)
{
	return err_set(ST_CORRUPT, "cannot read an lzop block: %s", why);
}

static int lzop_block_corrupt_at(const struct block *b, const char *why)
{
	return err_set(ST_CORRUPT, "cannot read the lzop block at offset %llu: %s",
		(unsigned long long)b->off, why);
}

bool lzop_is(const void *p, size_t n)
{
	return n >= LZOP_MAGIC_LEN && memcmp(p, LZOP_MAGIC, LZOP_MAGIC_LEN) == 0;
}

/* Reads the checksummed fields; if bytes are missing, view_bad(v) is true afterwards. */
static void lzop_header_fields(struct lzop_header *h, struct view *v)
{
	const uint8_t *name;
	size_t n;

	h->version = view_u16(v);
	view_u16(v);
	h->needed = h->version >= LAYOUT_0940 ? view_u16(v) : OLDEST_VERSION;
	h->method = view_u8(v);
	if (h->version >= LAYOUT_0940)
		h->level = view_u8(v);
	h->flags = view_u32(v);
	if (h->flags & LZOP_F_FILTER)
		view_u32(v);
	h->mode = view_u32(v);
	h->mtime = view_u32(v);
	if (h->version >= LAYOUT_0940)
		h->mtime |= (uint64_t)view_u32(v) << 32;
	n = view_u8(v);
	name = view_bytes(v, n);
	if (name)
		memcpy(h->name, name, n);
}

static int lzop_header_check(const struct lzop_header *h)
{
	if (h->version < OLDEST_VERSION || h->needed < OLDEST_VERSION)
		return lzop_header_corrupt("impossible version");
	if (h->needed > OWN_VERSION)
		return lzop_header_corrupt("it needs a newer lzop");
	if (h->method < 1 || h->method > 3)
		return lzop_header_corrupt("unknown method");
	if (h->flags & LZOP_F_UNKNOWN)
		return lzop_header_corrupt("unknown flags");
	if (h->flags & LZOP_F_FILTER)
		return lzop_header_corrupt("filters are not supported");
	if (h->flags & LZOP_F_MULTIPART)
		return lzop_header_corrupt("multipart archives are not supported");
	return 0;
}

/* Parses the extra field.  1, 0 or -1, as lzop_header_parse(). */
static int lzop_header_extra(struct lzop_header *h, struct view *v)
{
	const uint8_t *start = v->p, *extra;
	uint32_t n, sum;

	n = view_u32(v);
	if (view_bad(v))
		return 0;
	if (n > LZOP_EXTRA_MAX)
		return lzop_header_corrupt("the extra field is too long");
	extra = view_bytes(v, n);
	sum = view_u32(v);
	if (view_bad(v))
		return 0;
	if (sum != lzop_header_sum(h, start, 4 + n))
		return lzop_header_corrupt("the extra field's checksum differs");
	if (n != EXTRA_SIZE || memcmp(extra, EXTRA_TAG, EXTRA_TAG_LEN) != 0)
		return 1;
	h->length = get_be64(extra + EXTRA_TAG_LEN);
	h->has_length = h->length != DIGEST_LEN_UNKNOWN;
	if (h->has_length && h->length > SIZE_LIMIT)
		return lzop_header_corrupt("impossible length of the image");
	memcpy(h->digest.byte, extra + EXTRA_TAG_LEN + 8, HASH_SIZE);
	return 1;
}

int lzop_header_parse(struct lzop_header *h, const void *p, size_t n)
{
	const uint8_t *fields;
	struct view v;
	uint32_t sum;
	size_t size;
	int r;

	memset(h, 0, sizeof(*h));
	if (n == 0)
		return 0;
	if (memcmp(p, LZOP_MAGIC, n < LZOP_MAGIC_LEN ? n : LZOP_MAGIC_LEN) != 0)
		return lzop_header_corrupt("not an lzop file");
	if (n < LZOP_MAGIC_LEN)
		return 0;
	fields = (const uint8_t *)p + LZOP_MAGIC_LEN;
	view_init(&v, fields, n - LZOP_MAGIC_LEN);
	lzop_header_fields(h, &v);
	size = n - LZOP_MAGIC_LEN - v.left;
	sum = view_u32(&v);
	if (view_bad(&v))
		return 0;
	if (sum != lzop_header_sum(h, fields, size))
		return lzop_header_corrupt("checksum differs");
	if (lzop_header_check(h) != 0)
		return -1;
	if (h->flags & LZOP_F_EXTRA) {
		r = lzop_header_extra(h, &v);
		if (r != 1)
			return r;
	}
	h->size = n - v.left;
	return 1;
}

static uint8_t *append16(uint8_t *p, uint16_t v)
{
	put_be16(p, v);
	return p + 2;
}

static uint8_t *append32(uint8_t *p, uint32_t v)
{
	put_be32(p, v);
	return p + 4;
}

static uint8_t *append_bytes(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

static uint8_t *append_extra(uint8_t *p, uint64_t length, const struct hash *digest)
{
	uint8_t *start = p;

	p = append32(p, EXTRA_SIZE);
	p = append_bytes(p, EXTRA_TAG, EXTRA_TAG_LEN);
	p = append32(p, (uint32_t)(length >> 32));
	p = append32(p, (uint32_t)length);
	p = append_bytes(p, digest->byte, HASH_SIZE);
	return append32(p, adler32(start, (size_t)(p - start)));
}

void lzop_header_write(struct buf *out, const char *name, uint32_t mode, uint64_t mtime,
	uint64_t length, const struct hash *digest)
{
	uint8_t header[OWN_HEADER_MAX], *p = header + LZOP_MAGIC_LEN;
	const char *slash = strrchr(name, '/');
	size_t n;

	if (slash)
		name = slash + 1;
	n = strnlen(name, 255);
	memcpy(header, LZOP_MAGIC, LZOP_MAGIC_LEN);
	p = append16(p, OWN_VERSION);
	p = append16(p, OWN_LIBRARY);
	p = append16(p, OWN_NEEDED);
	*p++ = OWN_METHOD;
	*p++ = OWN_LEVEL;
	p = append32(p, LZOP_F_ADLER32_D | LZOP_F_OS_UNIX | (digest ? LZOP_F_EXTRA : 0));
	p = append32(p, S_IFREG | (mode & 07777));
	p = append32(p, (uint32_t)mtime);
	p = append32(p, (uint32_t)(mtime >> 32));
	*p++ = (uint8_t)n;
	p = append_bytes(p, name, n);
	p = append32(p, adler32(header + LZOP_MAGIC_LEN, (size_t)(p - header) - LZOP_MAGIC_LEN));
	if (digest)
		p = append_extra(p, length, digest);
	buf_add(out, header, (size_t)(p - header));
}

int lzop_block_parse(struct lzop_block *lb, const struct lzop_header *h, const void *p, size_t n)
{
	struct view v;
	bool coded;

	memset(lb, 0, sizeof(*lb));
	view_init(&v, p, n);
	lb->raw_len = view_u32(&v);
	if (lb->raw_len > BLOCK_SIZE)
		return lzop_block_corrupt("impossible length");
	if (lb->raw_len != 0) {
		lb->coded_len = view_u32(&v);
		coded = lb->coded_len < lb->raw_len;
		if (h->flags & LZOP_F_ADLER32_D)
			lb->adler_d = view_u32(&v);
		if (h->flags & LZOP_F_CRC32_D)
			lb->crc_d = view_u32(&v);
		if (h->flags & LZOP_F_ADLER32_C && coded)
			lb->adler_c = view_u32(&v);
		if (h->flags & LZOP_F_CRC32_C && coded)
			lb->crc_c = view_u32(&v);
	}
	if (view_bad(&v))
		return 0;
	if (lb->raw_len != 0 && (lb->coded_len == 0 || lb->coded_len > lb->raw_len))
		return lzop_block_corrupt("impossible coded length");
	lb->size = n - v.left;
	return 1;
}

int lzop_block_take(struct block *b, const struct lzop_header *h, const struct lzop_block *lb)
{
	uint32_t n = lb->coded_len;

	block_set_data(b, b->off, lb->raw_len);
	b->coded_len = n;
	b->adler = lb->adler_d;
	if (n < lb->raw_len) {
		if (h->flags & LZOP_F_ADLER32_C && adler32(b->enc, n) != lb->adler_c)
			return lzop_block_corrupt_at(b, "checksum of the coded bytes differs");
		if (h->flags & LZOP_F_CRC32_C && crc32(b->enc, n) != lb->crc_c)
			return lzop_block_corrupt_at(b, "checksum of the coded bytes differs");
	}
	if (!(h->flags & LZOP_F_ADLER32_D)) {
		if (block_decode_unsummed(b) != 0)
			return -1;
	} else if (h->flags & LZOP_F_CRC32_D) {
		if (block_decode(b) != 0)
			return -1;
	}
	if (h->flags & LZOP_F_CRC32_D && crc32(b->raw, lb->raw_len) != lb->crc_d)
		return lzop_block_corrupt_at(b, "checksum differs");
	return 0;
}

void lzop_block_write(uint8_t out[LZOP_OWN_BLOCK_HEADER], const struct block *b)
{
	put_be32(out, (uint32_t)b->len);
	put_be32(out + 4, b->coded_len);
	put_be32(out + 8, b->adler);
}
