/* lzop: stock lzop reads ours, and we read its archives; damage.  Fails without lzop. */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libdeflate.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/block/lzop.h"
#include "tests/unit/tap.h"

#define IMAGE_LEN (3 * BLOCK_SIZE + 54321)
#define DAMAGE_LEN 1500

static char dir[] = "/tmp/test_lzop.XXXXXX";
static uint8_t image[IMAGE_LEN]; /* one block each of text, zeros and noise, and a short one */
static struct block *block;

static void make_image(void)
{
	uint64_t seed = 1;
	size_t i;

	for (i = 0; i < IMAGE_LEN; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		if (i < BLOCK_SIZE || i >= 3 * BLOCK_SIZE)
			image[i] = i % 41 == 0 ? (uint8_t)(seed >> 56) : (uint8_t)('a' + i % 19);
		else if (i >= 2 * BLOCK_SIZE)
			image[i] = (uint8_t)(seed >> 56);
	}
}

/* Runs a shell command in dir and returns its exit status. */
static int __attribute__((format(printf, 1, 2))) run(const char *fmt, ...)
{
	char cmd[1024], text[800];
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(cmd, sizeof(cmd), "cd '%s' && exec 2>>log && %s", dir, text);
	fflush(NULL);
	r = system(cmd);
	return WIFEXITED(r) ? WEXITSTATUS(r) : -1;
}

static void save(const char *name, const void *p, size_t n)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		abort();
}

static void load(const char *name, struct buf *out)
{
	char path[512];
	size_t n;
	FILE *f;

	buf_clear(out);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	while (f && buf_reserve(out, 65536) == 0) {
		n = fread(out->data + out->len, 1, 65536, f);
		out->len += n;
		if (n == 0)
			break;
	}
	if (!f)
		abort();
	fclose(f);
}

static bool same(const struct buf *b, const void *p, size_t n)
{
	return b->len == n && (n == 0 || memcmp(b->data, p, n) == 0);
}

/* Decodes all of an archive: 0, -1 with an error recorded, or -2 if it ends early. */
static int unpack(const struct buf *arc, struct lzop_header *h, struct buf *out)
{
	struct lzop_block lb;
	size_t at;
	int r;

	buf_clear(out);
	r = lzop_header_parse(h, arc->data, arc->len);
	for (at = h->size; r == 1; at += lb.coded_len) {
		r = lzop_block_parse(&lb, h, arc->data + at, arc->len - at);
		at += lb.size;
		if (r != 1 || lb.raw_len == 0)
			break;
		if (arc->len - at < lb.coded_len)
			return -2;
		memcpy(lb.coded_len == lb.raw_len ? block->raw : block->enc, arc->data + at,
			lb.coded_len);
		if (lzop_block_take(block, h, &lb) != 0 || block_decode(block) != 0)
			return -1;
		buf_add(out, block->raw, block->len);
	}
	return r == 1 && at == arc->len ? 0 : r < 0 ? -1 : -2;
}

/* Appends image[0..len) as our blocks, and the end mark. */
static void add_blocks(struct buf *out, size_t len)
{
	uint8_t header[LZOP_OWN_BLOCK_HEADER];
	size_t off, n;

	for (off = 0; off < len; off += n) {
		n = len - off < BLOCK_SIZE ? len - off : BLOCK_SIZE;
		block_set_data(block, off, n);
		memcpy(block->raw, image + off, n);
		block->has_raw = true;
		block_encode(block, true);
		lzop_block_write(header, block);
		buf_add(out, header, sizeof(header));
		buf_add(out, block_coded(block), block->coded_len);
	}
	buf_u32(out, 0);
}

static void test_foreign(void)
{
	static const char *const options[] = { "-1", "-2", "-3", "-5", "-6", "-7", "-9", "--crc32",
		"--no-checksum", "-C", "-CC", "-CC -9", "--crc32 -CC", "--crc32 --no-checksum",
		"--no-name", "-P" };
	struct buf arc = BUF_INIT, out = BUF_INIT;
	struct lzop_header h;
	char name[100];
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (run("lzop %s -c image >x.lzo", options[i]) != 0)
			ok(0, "foreign: lzop runs");
		load("x.lzo", &arc);
		snprintf(name, sizeof(name), "foreign: lzop %s", options[i]);
		ok(unpack(&arc, &h, &out) == 0 && same(&out, image, IMAGE_LEN), name);
		if (strcmp(h.name, "image") != 0 || h.has_length || h.mode != 0100640 ||
			h.mtime != 1234567890)
			ok(0, "foreign: name, mode and time");
		run("lzop %s -c <image >x.lzo", options[i]);
		load("x.lzo", &arc);
		snprintf(name, sizeof(name), "foreign: lzop %s from a pipe", options[i]);
		ok(unpack(&arc, &h, &out) == 0 && same(&out, image, IMAGE_LEN), name);
	}
	is_str(h.name, "", "foreign: an archive from a pipe has no name");
	is_int(h.flags & (LZOP_F_STDIN | LZOP_F_STDOUT), LZOP_F_STDIN | LZOP_F_STDOUT,
		"foreign: flags of an archive from a pipe");
	is_int(run("lzop -c </dev/null >x.lzo"), 0, "foreign: lzop of an empty file");
	load("x.lzo", &arc);
	is_int(unpack(&arc, &h, &out), 0, "foreign: an empty archive");
	is_int(out.len, 0, "foreign: an empty archive has no blocks");
	is_int(run("lzop --filter=1 -c image >x.lzo"), 0, "foreign: lzop with a filter");
	load("x.lzo", &arc);
	is_int(unpack(&arc, &h, &out), -1, "foreign: a filter is refused");
	is_int(err_status(), ST_CORRUPT, "foreign: a filter is ST_CORRUPT");
	buf_fini(&arc);
	buf_fini(&out);
}

/* block_is_coded_zero() on zeros as each level of lzop codes them. */
static void test_zero_levels(void)
{
	struct buf arc = BUF_INIT;
	struct lzop_block lb;
	struct lzop_header h;
	int level;

	for (level = 1; level <= 9; level++) {
		run("head -c %u /dev/zero | lzop -%d -c >x.lzo", BLOCK_SIZE, level);
		load("x.lzo", &arc);
		lzop_header_parse(&h, arc.data, arc.len);
		is_int(lzop_block_parse(&lb, &h, arc.data + h.size, arc.len - h.size), 1,
			"zero: a block");
		memcpy(block->enc, arc.data + h.size + lb.size, lb.coded_len);
		is_int(lzop_block_take(block, &h, &lb), 0, "zero: accepted");
		is_int(block_is_coded_zero(block), level <= 6, "zero: detected for levels 1 to 6");
	}
	buf_fini(&arc);
}

static void test_own(void)
{
	struct buf arc = BUF_INIT, out = BUF_INIT, again = BUF_INIT;
	struct hash digest = { { 0 } }, none = { { 0 } };
	struct lzop_header h;
	size_t size;

	lzop_header_write(
		&arc, "some/dir/disk.img", 0104751, 0x123456789, DIGEST_LEN_UNKNOWN, &none);
	size = arc.len;
	add_blocks(&arc, IMAGE_LEN);
	save("own.lzo", arc.data, arc.len);
	is_int(run("lzop -t own.lzo"), 0, "own: lzop -t");
	is_int(run("lzop -dc own.lzo | cmp - image"), 0, "own: lzop -dc");
	is_int(unpack(&arc, &h, &out), 0, "own: we decode it");
	ok(same(&out, image, IMAGE_LEN), "own: to the same bytes");
	ok(!h.has_length, "own: length not known");
	is_int(h.size, size, "own: the size of the header");

	hash_bytes(&digest, image, 100);
	lzop_header_write(&again, "disk.img", 0104751, 0x123456789, IMAGE_LEN, &digest);
	is_int(again.len, size, "own: the header is overwritten, with the same size");
	memcpy(arc.data, again.data, again.len);
	save("own.lzo", arc.data, arc.len);
	is_int(run("lzop -t own.lzo"), 0, "own: lzop -t again");
	is_int(run("lzop -dc own.lzo | cmp - image"), 0, "own: lzop -dc again");
	is_int(run("mkdir -p n && cd n && lzop -dN ../own.lzo -p. && cmp disk.img ../image"), 0,
		"own: lzop -N restores the name");
	is_int(run("test \"$(stat -c %%a n/disk.img)\" = 751"), 0, "own: and the mode");
	is_int(run("test \"$(stat -c %%Y n/disk.img)\" = 4886718345"), 0, "own: and the time");
	is_int(unpack(&arc, &h, &out), 0, "own: we decode it again");
	ok(h.has_length && h.length == IMAGE_LEN, "own: length");
	ok(hash_equal(&h.digest, &digest), "own: digest");
	is_str(h.name, "disk.img", "own: name");
	is_int(h.mode, 0104751, "own: mode");
	is_int(h.mtime, 0x123456789, "own: mtime");
	is_int(h.method, 1, "own: method");

	buf_clear(&arc);
	lzop_header_write(&arc, "", 0600, 0, 5, NULL);
	add_blocks(&arc, IMAGE_LEN);
	is_int(unpack(&arc, &h, &out), 0, "own: for a pipe");
	ok(!h.has_length && !(h.flags & LZOP_F_EXTRA), "own: without extra field");
	save("own.lzo", arc.data, arc.len);
	is_int(run("lzop -dc <own.lzo | cmp - image"), 0, "own: lzop accepts that, too");
	buf_fini(&arc);
	buf_fini(&out);
	buf_fini(&again);
}

static void test_names(void)
{
	char longname[301], want[256];
	struct buf arc = BUF_INIT;
	struct lzop_header h;

	memset(longname, 'n', 300);
	longname[300] = '\0';
	longname[20] = '/';
	memcpy(want, longname + 21, 255);
	want[255] = '\0';
	lzop_header_write(&arc, longname, 0600, 0, 0, NULL);
	is_int(lzop_header_parse(&h, arc.data, arc.len), 1, "name: long");
	is_str(h.name, want, "name: cut to 255 bytes, without directories");
	is_int(h.mode, 0100600, "mode: of a regular file");
	add_blocks(&arc, 100);
	save("x.lzo", arc.data, arc.len);
	is_int(run("lzop -t x.lzo"), 0, "name: lzop -t of a long one");
	buf_clear(&arc);
	lzop_header_write(&arc, "\xff\x01 \xc3", 0600, 0, 0, NULL);
	lzop_header_parse(&h, arc.data, arc.len);
	is_str(h.name, "\xff\x01 \xc3", "name: any bytes");
	buf_fini(&arc);
}

/* Flips every bit.  Counts those not detected (unless strict: that change the image). */
static int unnoticed(struct buf *arc, size_t from, size_t to, bool strict)
{
	struct buf out = BUF_INIT;
	struct lzop_header h;
	int r, bad = 0;
	size_t i;

	for (i = 8 * from; i < 8 * to; i++) {
		err_clear();
		arc->data[i / 8] ^= (uint8_t)(1 << i % 8);
		r = unpack(arc, &h, &out);
		if (r == 0)
			bad += strict || !same(&out, image, DAMAGE_LEN);
		else
			bad += r == -1 && err_status() != ST_CORRUPT;
		arc->data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	buf_fini(&out);
	return bad;
}

/* strict: the archive also has a checksum of the coded bytes. */
static void damage(struct buf *arc, bool strict, const char *name)
{
	struct buf out = BUF_INIT;
	struct lzop_header h;

	ok(unpack(arc, &h, &out) == 0 && same(&out, image, DAMAGE_LEN), name);
	is_int(unnoticed(arc, 0, h.size, true), 0, name);
	is_int(unnoticed(arc, h.size, arc->len, strict), 0, name);
	buf_fini(&out);
}

static void test_damage(void)
{
	static const char *const options[] = { "-CC", "--crc32 -CC", "-1", "-9", "--crc32" };
	struct buf arc = BUF_INIT;
	struct hash digest = { { 1, 2, 3 } };
	size_t i;

	for (i = 0; i < 5; i++) {
		run("head -c %d image | lzop %s -c >x.lzo", DAMAGE_LEN, options[i]);
		load("x.lzo", &arc);
		damage(&arc, i < 2, options[i]);
	}
	buf_clear(&arc);
	lzop_header_write(&arc, "x", 0600, 0, DAMAGE_LEN, &digest);
	add_blocks(&arc, DAMAGE_LEN);
	damage(&arc, false, "damage: our archive");
	run("head -c %d image >small && dd if=image of=small bs=1 skip=%u count=%d", DAMAGE_LEN,
		2 * BLOCK_SIZE, DAMAGE_LEN);
	memmove(image, image + 2 * BLOCK_SIZE, DAMAGE_LEN);
	run("lzop -c <small >x.lzo");
	load("x.lzo", &arc);
	damage(&arc, true, "damage: stored");
	run("lzop --crc32 -c <small >x.lzo");
	load("x.lzo", &arc);
	damage(&arc, true, "damage: stored, crc32");
	buf_fini(&arc);
}

/* Forms and checksums of a block after lzop_block_take(). */
static void test_take(void)
{
	struct lzop_header h = { .flags = LZOP_F_ADLER32_D };
	struct lzop_block lb = { .raw_len = 1000 };
	struct block *b = block_new();

	block_set_data(block, 0, 1000);
	memcpy(block->raw, image, 1000);
	block->has_raw = true;
	block_encode(block, true);
	lb.coded_len = block->coded_len;
	lb.adler_d = block->adler;
	lb.crc_d = libdeflate_crc32(0, image, 1000);
	memcpy(b->enc, block->enc, lb.coded_len);
	block_set_data(b, BLOCK_SIZE, 7);
	b->seq = 9;
	b->has_hash = true;
	is_int(lzop_block_take(b, &h, &lb), 0, "take: adler32");
	ok(b->off == BLOCK_SIZE && b->seq == 9 && b->len == 1000 && !b->has_hash,
		"take: offset and length, no hash");
	ok(!b->has_raw && b->coded_len == lb.coded_len && b->adler == lb.adler_d,
		"take: not decoded if that is not needed");
	h.flags = 0;
	lb.adler_d = 0;
	is_int(lzop_block_take(b, &h, &lb), 0, "take: no checksum");
	ok(b->has_raw && memcmp(b->raw, image, 1000) == 0, "take: decoded");
	is_int(b->adler, block->adler, "take: has an adler32 afterwards");
	h.flags = LZOP_F_ADLER32_D | LZOP_F_CRC32_D;
	lb.adler_d = block->adler;
	is_int(lzop_block_take(b, &h, &lb), 0, "take: both checksums");
	lb.crc_d ^= 1;
	is_int(lzop_block_take(b, &h, &lb), -1, "take: both, crc32 wrong");
	h.flags = LZOP_F_CRC32_D;
	is_int(lzop_block_take(b, &h, &lb), -1, "take: crc32 alone, wrong");
	h.flags = 0;
	lb.coded_len--;
	is_int(lzop_block_take(b, &h, &lb), -1, "take: no checksum, truncated");
	block_free(b);
}

int main(void)
{
	block = block_new();
	if (!ok(mkdtemp(dir) && block, "a directory"))
		return tap_done();
	make_image();
	save("image", image, IMAGE_LEN);
	if (!ok(run("lzop -V >/dev/null && chmod 640 image && touch -d @1234567890 image") == 0,
		    "lzop is here"))
		goto out;
	test_foreign();
	test_zero_levels();
	test_own();
	test_names();
	test_take();
	test_damage();
out:
	if (tap_failed)
		run("cat log >&2; sed 's/^/# /' log");
	run("cd / && rm -rf '%s'", dir);
	block_free(block);
	return tap_done();
}
