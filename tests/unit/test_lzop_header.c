/*
 * lzop: headers that stock lzop does not write but may accept, and every prefix of a
 * header.  Fails without lzop.
 */
#include <signal.h>
#include <stdlib.h>

#include <libdeflate.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/block/lzop.h"
#include "tests/unit/tap.h"

/* A header such as lzop could write; extra_len < 0: no extra field. */
struct forged {
	uint16_t version, needed;
	uint8_t method, level;
	uint32_t flags;
	const char *name;
	int extra_len;
	const void *extra;
};

static const struct forged plain = { 0x1040, 0x0940, 1, 5, LZOP_F_ADLER32_D, "x", -1, NULL };

static void add_sum(struct buf *out, uint32_t flags, size_t from)
{
	const uint8_t *p = out->data + from;
	size_t n = out->len - from;

	buf_u32(out, flags & LZOP_F_HEADER_CRC32 ? libdeflate_crc32(0, p, n)
						 : libdeflate_adler32(1, p, n));
}

static void forge(struct buf *out, const struct forged *f)
{
	uint32_t flags = f->flags | (f->extra_len >= 0 ? LZOP_F_EXTRA : 0);
	size_t start;

	buf_clear(out);
	buf_add(out, LZOP_MAGIC, LZOP_MAGIC_LEN);
	buf_u16(out, f->version);
	buf_u16(out, 0x20a0);
	if (f->version >= 0x0940)
		buf_u16(out, f->needed);
	buf_u8(out, f->method);
	if (f->version >= 0x0940)
		buf_u8(out, f->level);
	buf_u32(out, flags);
	if (flags & LZOP_F_FILTER)
		buf_u32(out, 1);
	buf_u32(out, 0100600);
	buf_u32(out, 77);
	if (f->version >= 0x0940)
		buf_u32(out, 0);
	buf_u8(out, (uint8_t)strlen(f->name));
	buf_adds(out, f->name);
	add_sum(out, flags, LZOP_MAGIC_LEN);
	if (f->extra_len < 0)
		return;
	start = out->len;
	buf_u32(out, (uint32_t)f->extra_len);
	buf_add(out, f->extra, (size_t)f->extra_len);
	add_sum(out, flags, start);
}

/* Whether lzop -t accepts the header, followed by a block with the layout of its flags. */
static bool lzop_takes(const struct buf *header, uint32_t flags)
{
	struct buf arc = BUF_INIT;
	FILE *lzop;
	bool r;

	buf_add(&arc, header->data, header->len);
	buf_u32(&arc, 5);
	buf_u32(&arc, 5);
	if (flags & LZOP_F_ADLER32_D)
		buf_u32(&arc, libdeflate_adler32(1, "hello", 5));
	if (flags & LZOP_F_CRC32_D)
		buf_u32(&arc, libdeflate_crc32(0, "hello", 5));
	buf_adds(&arc, "hello");
	buf_u32(&arc, 0);
	lzop = popen("exec lzop -t 2>/dev/null", "w");
	if (!lzop)
		return false;
	fwrite(arc.data, 1, arc.len, lzop);
	r = pclose(lzop) == 0;
	buf_fini(&arc);
	return r;
}

/* Checks that we and lzop both accept the header, or both refuse it. */
static void both(const struct forged *f, bool good, const char *name)
{
	struct buf header = BUF_INIT;
	struct lzop_header h;
	int r;

	forge(&header, f);
	err_clear();
	r = lzop_header_parse(&h, header.data, header.len);
	is_int(r, good ? 1 : -1, name);
	is_int(good ? h.size : (size_t)err_status(), good ? header.len : ST_CORRUPT, name);
	is_int(lzop_takes(&header, f->flags), good, name);
	buf_fini(&header);
}

static void test_headers(void)
{
	static uint8_t foreign[LZOP_EXTRA_MAX + 1];
	static const uint32_t known[] = { 0x10, 0x20, 0x80, 0x100, 0x1000, 0x1101, 0x2000,
		0x40100000 };
	struct forged f = plain;
	size_t i;

	both(&f, true, "header: plain");
	for (i = 0; i < 8; f = plain, i++) {
		f.flags = LZOP_F_ADLER32_D | known[i];
		both(&f, true, "header: flags that do not matter");
	}
	for (i = 14; i < 20; f = plain, i++) {
		f.flags |= 1u << i;
		both(&f, false, "header: unknown flag");
	}
	for (i = 0; i < 256; f = plain, i = i < 4 ? i + 1 : i * 2) {
		f.method = (uint8_t)i;
		both(&f, i >= 1 && i <= 3, "header: method");
	}
	for (i = 0; i <= 9; f = plain, i += 3) {
		f.level = (uint8_t)i;
		both(&f, true, "header: level");
	}
	f.version = 0x08ff;
	both(&f, false, "header: version too old");
	f.version = 0x0930;
	both(&f, true, "header: a version without the field needed");
	f.version = 0x2000;
	both(&f, true, "header: a newer writer");
	f.needed = 0x1041;
	both(&f, false, "header: a newer reader is needed");
	f.needed = 0x08ff;
	both(&f, false, "header: an impossible version in the field needed");
	f = plain;
	f.extra_len = 0;
	both(&f, true, "header: empty extra field");
	f.extra = foreign;
	f.extra_len = 1000;
	both(&f, true, "header: foreign extra field");
	f.extra_len = LZOP_EXTRA_MAX;
	both(&f, true, "header: the longest extra field");
	f.flags |= LZOP_F_HEADER_CRC32;
	both(&f, true, "header: extra field with crc32");
}

/* Headers that only we refuse, and our extra field. */
static void test_extra(void)
{
	static uint8_t extra[LZOP_EXTRA_MAX + 1] = "img-tool\0\0\0\0\0\0\022\064digestdigestdige";
	struct buf header = BUF_INIT;
	struct forged f = plain;
	struct lzop_header h;

	f.extra = extra;
	f.extra_len = 32;
	forge(&header, &f);
	is_int(lzop_header_parse(&h, header.data, header.len), 1, "extra: our field");
	ok(h.has_length && h.length == 0x1234, "extra: length");
	ok(memcmp(h.digest.byte, "digestdigestdige", 16) == 0, "extra: digest");
	f.extra_len = 33;
	forge(&header, &f);
	is_int(lzop_header_parse(&h, header.data, header.len), 1,
		"extra: a field of another length");
	ok(!h.has_length, "extra: is not our field");
	f.extra_len = LZOP_EXTRA_MAX + 1;
	forge(&header, &f);
	is_int(lzop_header_parse(&h, header.data, header.len), -1, "extra: too long");
	is_int(lzop_header_parse(&h, header.data, 80), -1,
		"extra: a field that is too long is detected at once");
	f.extra_len = 32;
	memset(extra + 8, 0xff, 8);
	forge(&header, &f);
	is_int(lzop_header_parse(&h, header.data, header.len), 1,
		"extra: our field with an unknown length");
	ok(!h.has_length, "extra: unknown length: has_length is false");
	extra[15] = 0xfe;
	forge(&header, &f);
	is_int(lzop_header_parse(&h, header.data, header.len), -1, "extra: impossible length");
	extra[0] = 'I';
	forge(&header, &f);
	is_int(lzop_header_parse(&h, header.data, header.len), 1,
		"extra: a field with another tag");
	ok(!h.has_length, "extra: is not our field either");
	f = plain;
	f.flags |= LZOP_F_MULTIPART;
	forge(&header, &f);
	is_int(lzop_header_parse(&h, header.data, header.len), -1, "header: multipart");
	f.flags = LZOP_F_ADLER32_D | LZOP_F_FILTER;
	forge(&header, &f);
	is_int(lzop_header_parse(&h, header.data, header.len), -1, "header: filter");
	buf_fini(&header);
}

/* Every prefix needs more bytes.  It has memory of its exact size, for the sanitizer. */
static void test_prefixes(void)
{
	struct buf arc = BUF_INIT;
	struct hash digest = { { 0 } };
	struct lzop_header h;
	struct lzop_block lb;
	uint8_t *p;
	size_t n, bad = 0;

	ok(!lzop_is("", 0) && !lzop_is(LZOP_MAGIC, 8) && lzop_is(LZOP_MAGIC, 9), "is: 9 bytes");
	ok(!lzop_is("\211LZO\000\r\n\032\r", 9), "is: not with another byte");
	is_int(lzop_header_parse(&h, NULL, 0), 0, "prefix: no bytes");
	lzop_header_write(&arc, "some name", 0600, 5, 7, &digest);
	for (n = 0; n <= arc.len; n++) {
		p = malloc(n + 1);
		memcpy(p + 1, arc.data, n);
		bad += lzop_header_parse(&h, p + 1, n) != (n == arc.len);
		if (n > 0) {
			p[n < 9 ? n : 9] ^= 1;
			bad += n <= 9 && lzop_header_parse(&h, p + 1, n) != -1;
		}
		free(p);
	}
	is_int(bad, 0, "prefix: of a header");
	h.flags = LZOP_F_ADLER32_D | LZOP_F_ADLER32_C | LZOP_F_CRC32_D | LZOP_F_CRC32_C;
	buf_clear(&arc);
	for (n = 1; n <= 6; n++)
		buf_u32(&arc, 0x100 - (uint32_t)n);
	for (bad = 0, n = 0; n <= arc.len; n++) {
		p = malloc(n + 1);
		memcpy(p + 1, arc.data, n);
		bad += lzop_block_parse(&lb, &h, p + 1, n) != (n == arc.len);
		free(p);
	}
	is_int(bad, 0, "prefix: of a block's header");
	is_int(arc.len, LZOP_BLOCK_HEADER_MAX, "prefix: of the longest header");
	ok(lb.raw_len == 0xff && lb.coded_len == 0xfe && lb.adler_d == 0xfd && lb.crc_d == 0xfc &&
			lb.adler_c == 0xfb && lb.crc_c == 0xfa && lb.size == 24,
		"block: fields in order");
	buf_fini(&arc);
}

static int parse_lengths(uint32_t raw, uint32_t coded, uint32_t flags, struct lzop_block *lb)
{
	struct lzop_header h = { .flags = flags };
	uint8_t p[LZOP_BLOCK_HEADER_MAX] = { 0 };

	err_clear();
	put_be32(p, raw);
	put_be32(p + 4, coded);
	return lzop_block_parse(lb, &h, p, sizeof(p));
}

static void test_block_lengths(void)
{
	uint32_t all = LZOP_F_ADLER32_D | LZOP_F_ADLER32_C | LZOP_F_CRC32_D | LZOP_F_CRC32_C;
	struct lzop_block lb;

	is_int(parse_lengths(BLOCK_SIZE, BLOCK_SIZE, 0, &lb), 1, "block: the longest");
	is_int(lb.size, 8, "block: without checksums");
	is_int(parse_lengths(BLOCK_SIZE, BLOCK_SIZE, all, &lb), 1, "block: stored");
	is_int(lb.size, 16, "block: stored has no checksums of coded bytes");
	is_int(parse_lengths(0, 77, all, &lb), 1, "block: the end");
	ok(lb.size == 4 && lb.raw_len == 0 && lb.coded_len == 0, "block: the end has 4 bytes");
	is_int(parse_lengths(BLOCK_SIZE + 1, 5, 0, &lb), -1, "block: too long");
	is_int(err_status(), ST_CORRUPT, "block: is ST_CORRUPT");
	is_int(parse_lengths(UINT32_MAX, 5, 0, &lb), -1, "block: the mark of a split file");
	is_int(parse_lengths(5, 6, 0, &lb), -1, "block: coded is longer than raw");
	is_int(parse_lengths(5, 0, 0, &lb), -1, "block: coded is empty");
	is_int(err_status(), ST_CORRUPT, "block: is ST_CORRUPT as well");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN); /* lzop may end before it has read all */
	test_headers();
	test_extra();
	test_prefixes();
	test_block_lengths();
	return tap_done();
}
