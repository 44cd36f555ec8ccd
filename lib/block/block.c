/*
 * block: LZO1X-1 is made by liblzo2 and read by lzo_decode.c; adler32 comes from
 * libdeflate, XXH3 from digest.c.
 *
 * Invariants: in a stored block (coded_len == len) without has_raw, the bytes
 * in raw have not been compared with adler yet; block_decode() compares them.
 * Only block_hash() writes to raw beyond len.
 */
#include "lib/block/block.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <lzo/lzo1x.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/block/lzo_decode.h"

#define ADLER_INIT 1 /* adler32 of no bytes */
#define RAW_ALIGN 4096

/* The coded form of a zero block.  It is in .bss, so only the pages used take memory. */
static struct {
	pthread_once_t once;
	uint8_t raw[BLOCK_SIZE];
	uint8_t enc[BLOCK_ENC_MAX];
	lzo_align_t work[LZO1X_1_MEM_COMPRESS / sizeof(lzo_align_t)];
	lzo_uint len;
	uint32_t adler;
} zero = { .once = PTHREAD_ONCE_INIT };

_Static_assert(BLOCK_UNITS == 64, "zero_units has a bit for each unit");

static pthread_once_t lzo_once = PTHREAD_ONCE_INIT;
static int lzo_status;

static void lzo_start(void)
{
	lzo_status = lzo_init();
}

struct block *block_new(void)
{
	struct block *b;

	pthread_once(&lzo_once, lzo_start);
	if (lzo_status != LZO_E_OK) {
		err_set(ST_FAILED, "cannot start the LZO library: error %d", lzo_status);
		return NULL;
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		goto out;
	b->raw = aligned_alloc(RAW_ALIGN, BLOCK_SIZE);
	b->enc = malloc(BLOCK_ENC_MAX);
	b->work = malloc(LZO1X_1_MEM_COMPRESS);
	if (b->raw && b->enc && b->work)
		return b;
out:
	block_free(b);
	err_set(ST_FAILED, "out of memory");
	return NULL;
}

void block_free(struct block *b)
{
	if (!b)
		return;
	free(b->raw);
	free(b->enc);
	free(b->work);
	free(b);
}

static void block_set(struct block *b, enum block_kind kind, uint64_t off, uint64_t len)
{
	b->kind = kind;
	b->off = off;
	b->len = len;
	b->has_raw = false;
	b->has_hash = false;
	b->coded_len = 0;
	b->adler = 0;
	b->zero_units = 0;
}

void block_set_data(struct block *b, uint64_t off, uint64_t len)
{
	block_set(b, BLOCK_DATA, off, len);
}

void block_set_hole(struct block *b, uint64_t off, uint64_t len)
{
	block_set(b, BLOCK_HOLE, off, len);
}

bool block_all_zero(const uint8_t *p, uint64_t len)
{
	uint64_t i, n = len < 16 ? len : 16;

	for (i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	if (len <= 16)
		return true;
	/* Most data that starts with zeros has other bytes soon: avoid the full comparison. */
	if (p[len - 1] != 0 || p[len / 2] != 0)
		return false;
	/* The first 16 bytes are zero, so all are if each equals the one 16 before it. */
	return memcmp(p, p + 16, len - 16) == 0;
}

uint64_t block_units(uint64_t from, uint64_t to)
{
	uint64_t first = from / BLOCK_UNIT, end = (to + BLOCK_UNIT - 1) / BLOCK_UNIT;

	if (from >= to)
		return 0;
	return UINT64_MAX >> (BLOCK_UNITS - (end - first)) << first;
}

bool block_find_zeros(struct block *b)
{
	uint64_t at, n, unit;

	for (at = 0; at < b->len; at += n) {
		n = b->len - at < BLOCK_UNIT ? b->len - at : BLOCK_UNIT;
		unit = block_units(at, at + n);
		if (!(b->zero_units & unit) && block_all_zero(b->raw + at, n))
			b->zero_units |= unit;
	}
	return b->zero_units == block_units(0, b->len);
}

uint64_t block_run(const struct block *b, uint64_t from, bool *is_zero)
{
	uint64_t first = from / BLOCK_UNIT, bits = b->zero_units >> first, end;

	*is_zero = bits & 1;
	if (*is_zero)
		bits = ~bits;
	end = bits ? (first + (uint64_t)__builtin_ctzll(bits)) * BLOCK_UNIT : BLOCK_SIZE;
	return end < b->len ? end : b->len;
}

uint64_t block_zero_bytes(const struct block *b)
{
	uint64_t bytes = (uint64_t)__builtin_popcountll(b->zero_units) * BLOCK_UNIT;
	uint64_t beyond = b->len % BLOCK_UNIT ? BLOCK_UNIT - b->len % BLOCK_UNIT : 0;

	if (bytes && b->zero_units & block_units(b->len - 1, b->len))
		bytes -= beyond;
	return bytes;
}

void block_encode(struct block *b, bool compress)
{
	lzo_uint n = 0;

	if (b->coded_len != 0)
		return;
	b->adler = libdeflate_adler32(ADLER_INIT, b->raw, b->len);
	b->coded_len = (uint32_t)b->len;
	if (!compress)
		return;
	if (lzo1x_1_compress(b->raw, b->len, b->enc, &n, b->work) == LZO_E_OK && n < b->len)
		b->coded_len = (uint32_t)n;
}

static int block_corrupt(const struct block *b, const char *why)
{
	return err_set(ST_CORRUPT, "cannot decode the block at offset %llu: %s",
		(unsigned long long)b->off, why);
}

/* Decompresses a coded block into raw; a stored block is there already.  Ignores adler. */
static int block_decompress(struct block *b)
{
	size_t n = b->len;

	if (b->len > BLOCK_SIZE || b->coded_len > b->len || b->coded_len == 0)
		return block_corrupt(b, "impossible length");
	if (b->coded_len == b->len)
		return 0;
	if (lzo_decode(b->enc, b->coded_len, b->raw, &n) != 0)
		return block_corrupt(b, "not LZO1X data");
	if (n != b->len)
		return block_corrupt(b, "wrong length");
	return 0;
}

int block_decode(struct block *b)
{
	if (b->has_raw)
		return 0;
	if (block_decompress(b) != 0)
		return -1;
	if (libdeflate_adler32(ADLER_INIT, b->raw, b->len) != b->adler)
		return block_corrupt(b, "checksum differs");
	b->has_raw = true;
	return 0;
}

int block_decode_unsummed(struct block *b)
{
	if (block_decompress(b) != 0)
		return -1;
	b->adler = libdeflate_adler32(ADLER_INIT, b->raw, b->len);
	b->has_raw = true;
	return 0;
}

void block_hash(struct block *b)
{
	if (b->has_hash)
		return;
	memset(b->raw + b->len, 0, BLOCK_SIZE - b->len);
	hash_bytes(&b->hash, b->raw, BLOCK_SIZE);
	b->has_hash = true;
}

void block_hash_coded(struct block *b)
{
	uint8_t all[HASH_SIZE + 12];

	hash_bytes(&b->coded_hash, block_coded(b), b->coded_len);
	memcpy(all, b->coded_hash.byte, HASH_SIZE);
	put_be32(all + HASH_SIZE, (uint32_t)b->len);
	put_be32(all + HASH_SIZE + 4, b->coded_len);
	put_be32(all + HASH_SIZE + 8, b->adler);
	hash_bytes(&b->coded_hash, all, sizeof(all));
}

const uint8_t *block_coded(const struct block *b)
{
	return b->coded_len == b->len ? b->raw : b->enc;
}

static void zero_encode(void)
{
	lzo1x_1_compress(zero.raw, BLOCK_SIZE, zero.enc, &zero.len, zero.work);
	zero.adler = libdeflate_adler32(ADLER_INIT, zero.raw, BLOCK_SIZE);
}

bool block_is_coded_zero(const struct block *b)
{
	pthread_once(&zero.once, zero_encode);
	return b->len == BLOCK_SIZE && b->coded_len == zero.len && b->adler == zero.adler &&
	       memcmp(b->enc, zero.enc, zero.len) == 0;
}
