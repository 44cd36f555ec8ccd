/* block: raw and coded form, zeros, hashes, and damaged blocks. */
#include <stdlib.h>

#include <libdeflate.h>
#include <xxhash.h>

#include "lib/base/err.h"
#include "lib/block/block.h"
#include "tests/unit/tap.h"

static uint64_t seed = 1;

static uint8_t noise(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint8_t)(seed >> 56);
}

static void fill_noise(uint8_t *p, size_t n)
{
	while (n-- > 0)
		*p++ = noise();
}

static void fill_text(uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = i % 37 == 0 ? noise() : (uint8_t)('a' + i % 23);
}

static void test_all_zero(void)
{
	static uint8_t p[BLOCK_SIZE];
	static const size_t big[] = { 0, 1, 15, 16, 17, 4095, 4096, BLOCK_SIZE / 2 - 1,
		BLOCK_SIZE / 2, BLOCK_SIZE - 17, BLOCK_SIZE - 2, BLOCK_SIZE - 1 };
	size_t len, at, bad = 0;

	for (len = 0; len <= 80; len++) {
		p[len] = 1;
		bad += !block_all_zero(p, len);
		p[len] = 0;
		for (at = 0; at < len; at++) {
			p[at] = 0x80;
			bad += block_all_zero(p, len);
			p[at] = 0;
		}
	}
	is_int(bad, 0, "all_zero: up to 80 bytes, one byte set at each offset");
	ok(block_all_zero(p + 1, BLOCK_SIZE - 1), "all_zero: nearly a block, not aligned");
	for (bad = 0, at = 0; at < sizeof(big) / sizeof(big[0]); at++) {
		p[big[at]] = 1;
		bad += block_all_zero(p, BLOCK_SIZE);
		p[big[at]] = 0;
	}
	is_int(bad, 0, "all_zero: a block, one byte set");
	ok(block_all_zero(p, BLOCK_SIZE), "all_zero: a block of zeros");
}

/* Whether encoding b, and decoding that in another block, gives the same bytes. */
static bool survives(struct block *b, struct block *other, bool compress)
{
	block_encode(b, compress);
	if (b->coded_len == 0 || b->coded_len > b->len)
		return false;
	block_set_data(other, b->off, b->len);
	other->coded_len = b->coded_len;
	other->adler = b->adler;
	memset(other->raw, 0xee, BLOCK_SIZE);
	memcpy(b->coded_len == b->len ? other->raw : other->enc, block_coded(b), b->coded_len);
	return block_decode(other) == 0 && other->has_raw &&
	       memcmp(other->raw, b->raw, b->len) == 0;
}

static void test_round_trip(struct block *b, struct block *other)
{
	static const uint64_t lens[] = { 1, 2, 15, 511, 4096, 100001, BLOCK_SIZE - 1, BLOCK_SIZE };
	int i, bad = 0, stored = 0, smaller = 0;

	for (i = 0; i < 8; i++) {
		block_set_data(b, 0, lens[i]);
		fill_text(b->raw, lens[i]);
		b->has_raw = true;
		bad += !survives(b, other, true);
		smaller += b->coded_len < b->len;
		block_set_data(b, 0, lens[i]);
		b->has_raw = true;
		bad += !survives(b, other, false);
		stored += b->coded_len == b->len;
		block_set_data(b, 0, lens[i]);
		fill_noise(b->raw, lens[i]);
		b->has_raw = true;
		bad += !survives(b, other, true);
		stored += b->coded_len == b->len;
	}
	is_int(bad, 0, "encode and decode: the bytes are the same");
	is_int(stored, 16, "encode: noise, and all data without compress, is stored");
	is_int(smaller, 5, "encode: text gets smaller from 511 bytes on");
}

static void test_encode(struct block *b)
{
	uint32_t n;

	block_set_data(b, BLOCK_SIZE, 5000);
	fill_text(b->raw, 5000);
	b->has_raw = true;
	block_encode(b, true);
	is_int(b->adler, libdeflate_adler32(1, b->raw, 5000), "encode: adler is of the raw bytes");
	ok(block_coded(b) == b->enc, "coded: the bytes of a compressed block are in enc");
	n = b->coded_len;
	b->raw[0] ^= 1;
	block_encode(b, false);
	is_int(b->coded_len, n, "encode: does nothing to a coded block");
	b->enc[0] ^= 1;
	is_int(block_decode(b), 0, "decode: does nothing to a raw block");
	block_set_data(b, 0, 5000);
	ok(!b->has_raw && !b->has_hash && b->coded_len == 0 && b->kind == BLOCK_DATA,
		"set_data: has no form yet");
	b->has_raw = true;
	block_encode(b, false);
	ok(block_coded(b) == b->raw, "coded: the bytes of a stored block are in raw");
	block_set_hole(b, 123, UINT64_MAX / 2);
	ok(b->kind == BLOCK_HOLE && b->off == 123 && b->len == UINT64_MAX / 2 && !b->has_raw &&
			b->coded_len == 0,
		"set_hole: a hole of any length");
}

static int decode_as(struct block *b, uint64_t len, uint32_t coded_len, uint32_t adler)
{
	err_clear();
	block_set_data(b, 0, len);
	b->coded_len = coded_len;
	b->adler = adler;
	return block_decode(b);
}

static void test_damage(struct block *b, struct block *good)
{
	uint32_t n, a, i, wrong = 0;

	block_set_data(good, 0, 3000);
	fill_text(good->raw, 3000);
	good->has_raw = true;
	block_encode(good, true);
	n = good->coded_len;
	a = good->adler;
	memcpy(b->enc, good->enc, n);
	is_int(decode_as(b, 3000, n, a), 0, "decode: undamaged");
	is_int(decode_as(b, 3000, n, a ^ 1), -1, "decode: a wrong adler32");
	is_int(err_status(), ST_CORRUPT, "decode: is ST_CORRUPT");
	ok(!b->has_raw, "decode: a damaged block has no raw form");
	is_int(decode_as(b, 3001, n, a), -1, "decode: fewer bytes than len");
	is_int(decode_as(b, 2999, n, a), -1, "decode: more bytes than len");
	is_int(decode_as(b, 3000, n - 1, a), -1, "decode: truncated");
	is_int(decode_as(b, 3000, n + 1, a), -1, "decode: bytes after the end");
	is_int(decode_as(b, 3000, 3001, a), -1, "decode: coded longer than raw");
	is_int(decode_as(b, 3000, 0, a), -1, "decode: not coded");
	is_int(decode_as(b, BLOCK_SIZE + 1, n, a), -1, "decode: longer than a block");
	is_int(err_status(), ST_CORRUPT, "decode: is ST_CORRUPT as well");
	for (i = 0; i < 8 * n; i++) {
		memcpy(b->enc, good->enc, n);
		b->enc[i / 8] ^= (uint8_t)(1 << i % 8);
		if (decode_as(b, 3000, n, a) == 0)
			wrong += memcmp(b->raw, good->raw, 3000) != 0;
	}
	is_int(wrong, 0, "decode: no flipped bit gives other bytes");
	memcpy(b->raw, good->raw, 3000);
	is_int(decode_as(b, 3000, 3000, a), 0, "decode: a stored block");
	ok(b->has_raw, "decode: a stored block has a raw form afterwards");
	b->raw[2999] ^= 1;
	is_int(decode_as(b, 3000, 3000, a), -1, "decode: a damaged stored block");
	ok(!b->has_raw && err_status() == ST_CORRUPT,
		"decode: a damaged stored block is ST_CORRUPT");
	for (i = 0; i < 2000; i++) {
		fill_noise(b->enc, 64);
		wrong += decode_as(b, BLOCK_SIZE, 64, 7) == 0;
	}
	is_int(wrong, 0, "decode: noise");
}

static void test_unsummed(struct block *b, const struct block *good)
{
	memcpy(b->enc, good->enc, good->coded_len);
	block_set_data(b, 0, good->len);
	b->coded_len = good->coded_len;
	is_int(block_decode_unsummed(b), 0, "unsummed: decodes");
	ok(b->has_raw && memcmp(b->raw, good->raw, good->len) == 0,
		"unsummed: the bytes are the same");
	is_int(b->adler, good->adler, "unsummed: has an adler32 afterwards");
	block_set_data(b, 0, good->len + 1);
	b->coded_len = good->coded_len;
	is_int(block_decode_unsummed(b), -1, "unsummed: fewer bytes than len");
	block_set_data(b, 0, good->len);
	b->coded_len = good->coded_len - 1;
	is_int(block_decode_unsummed(b), -1, "unsummed: truncated");
	ok(!b->has_raw, "unsummed: a truncated block has no raw form");
}

static void test_hash(struct block *b)
{
	static uint8_t flat[BLOCK_SIZE];
	XXH128_canonical_t want;

	fill_noise(flat, 1234);
	XXH128_canonicalFromHash(&want, XXH3_128bits(flat, BLOCK_SIZE));
	memset(b->raw, 0xaa, BLOCK_SIZE);
	block_set_data(b, 0, 1234);
	memcpy(b->raw, flat, 1234);
	b->has_raw = true;
	block_hash(b);
	ok(b->has_hash && memcmp(b->hash.byte, want.digest, HASH_SIZE) == 0,
		"hash: a short block is padded with zeros");
	b->raw[0] ^= 1;
	block_hash(b);
	ok(memcmp(b->hash.byte, want.digest, HASH_SIZE) == 0, "hash: computed once");
	fill_noise(flat, BLOCK_SIZE);
	XXH128_canonicalFromHash(&want, XXH3_128bits(flat, BLOCK_SIZE));
	block_set_data(b, 0, BLOCK_SIZE);
	memcpy(b->raw, flat, BLOCK_SIZE);
	b->has_raw = true;
	block_hash(b);
	ok(memcmp(b->hash.byte, want.digest, HASH_SIZE) == 0, "hash: a block of BLOCK_SIZE");
}

static void test_coded_zero(struct block *b)
{
	uint32_t i, wrong = 0;

	block_set_data(b, 0, BLOCK_SIZE);
	memset(b->raw, 0, BLOCK_SIZE);
	b->has_raw = true;
	block_encode(b, true);
	ok(b->coded_len < 2000, "zero: the coded form is short");
	ok(block_is_coded_zero(b), "zero: detected without decoding");
	for (i = 0; i < b->coded_len; i++) {
		b->enc[i] ^= 0x10;
		wrong += block_is_coded_zero(b);
		b->enc[i] ^= 0x10;
	}
	is_int(wrong, 0, "zero: not with another coded form");
	b->adler ^= 1;
	ok(!block_is_coded_zero(b), "zero: not with another adler32");
	b->adler ^= 1;
	b->len--;
	ok(!block_is_coded_zero(b), "zero: not with a shorter block");
	b->len++;
	b->raw[BLOCK_SIZE - 1] = 1;
	b->coded_len = 0;
	block_encode(b, true);
	ok(!block_is_coded_zero(b), "zero: not if the last byte is set");
	block_set_data(b, 0, BLOCK_SIZE);
	memset(b->raw, 0, BLOCK_SIZE);
	b->has_raw = true;
	block_encode(b, false);
	ok(!block_is_coded_zero(b), "zero: not if stored");
}

static void test_units(struct block *b)
{
	uint64_t end, bad = 0;
	bool is_zero;

	is_int(block_units(0, 0) == 0 && block_units(0, 1) == 1 && block_units(4095, 4097) == 3, 1,
		"units: a unit counts if any of its bytes does");
	ok(block_units(0, BLOCK_SIZE) == UINT64_MAX &&
			block_units(BLOCK_SIZE - 1, BLOCK_SIZE) == 1ull << 63,
		"units: all, and the last");
	block_set_data(b, 0, BLOCK_SIZE);
	fill_noise(b->raw, BLOCK_SIZE);
	ok(!block_find_zeros(b) && b->zero_units == 0 && block_zero_bytes(b) == 0, "zeros: none");
	memset(b->raw + 4095, 0, 8194);
	ok(!block_find_zeros(b) && b->zero_units == 6 && block_zero_bytes(b) == 8192,
		"zeros: complete units only");
	end = block_run(b, 0, &is_zero);
	bad += end != 4096 || is_zero;
	end = block_run(b, end, &is_zero);
	bad += end != 3 * 4096 || !is_zero;
	end = block_run(b, end, &is_zero);
	bad += end != BLOCK_SIZE || is_zero;
	is_int(bad, 0, "zeros: three runs");
	block_set_data(b, 0, 8192 + 10);
	memset(b->raw, 0, 8192 + 10);
	b->raw[8192 + 10] = 1;
	ok(block_find_zeros(b) && b->zero_units == 7 && block_zero_bytes(b) == 8192 + 10,
		"zeros: a short block of zeros");
	ok(block_run(b, 0, &is_zero) == 8192 + 10 && is_zero, "zeros: in one run");
	block_set_data(b, 0, BLOCK_SIZE);
	memset(b->raw, 0, BLOCK_SIZE);
	b->zero_units = 1ull << 5;
	ok(block_find_zeros(b) && block_run(b, 0, &is_zero) == BLOCK_SIZE && is_zero,
		"zeros: all of a block, some of it known before");
}

int main(void)
{
	struct block *a = block_new(), *b = block_new();

	if (!ok(a && b, "new"))
		return tap_done();
	is_int((uintptr_t)a->raw % 4096, 0, "new: raw is aligned to a page");
	test_all_zero();
	test_round_trip(a, b);
	test_encode(a);
	test_damage(b, a);
	test_unsummed(b, a);
	test_hash(a);
	test_coded_zero(a);
	test_units(a);
	block_free(a);
	block_free(b);
	block_free(NULL);
	return tap_done();
}
