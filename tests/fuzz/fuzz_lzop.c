/*
 * Parses arbitrary bytes as an archive: the header, then its blocks, each of which
 * is decoded and encoded again.  The checksum of the header rejects most mutations,
 * so the same bytes are then parsed as blocks only, with the first four as the flags
 * of the header.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/block/lzop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(bool good)
{
	if (!good)
		abort();
}

/* Checks that a decoded block can be encoded again, and decodes to the same bytes. */
static void fuzz_recode(struct block *b)
{
	static uint8_t raw[BLOCK_SIZE];

	memcpy(raw, b->raw, b->len);
	if (block_is_coded_zero(b))
		fuzz_check(block_all_zero(b->raw, b->len));
	b->coded_len = 0;
	block_encode(b, true);
	b->has_raw = false;
	if (b->coded_len < b->len)
		memset(b->raw, 0x55, BLOCK_SIZE);
	fuzz_check(block_decode(b) == 0 && memcmp(raw, b->raw, b->len) == 0);
}

static void fuzz_blocks(struct block *b, const struct lzop_header *h, const uint8_t *p, size_t n)
{
	struct lzop_block lb;
	uint64_t off = 0;
	int r;

	while ((r = lzop_block_parse(&lb, h, p, n)) == 1) {
		fuzz_check(lb.size <= n && lb.size <= LZOP_BLOCK_HEADER_MAX &&
			   lb.raw_len <= BLOCK_SIZE);
		p += lb.size;
		n -= lb.size;
		if (lb.raw_len == 0)
			return;
		fuzz_check(lb.coded_len > 0 && lb.coded_len <= lb.raw_len);
		if (n < lb.coded_len)
			return;
		block_set_data(b, off, lb.raw_len);
		memcpy(lb.coded_len == lb.raw_len ? b->raw : b->enc, p, lb.coded_len);
		p += lb.coded_len;
		n -= lb.coded_len;
		off += lb.raw_len;
		if (lzop_block_take(b, h, &lb) == 0 && block_decode(b) == 0) {
			fuzz_check(b->has_raw && b->len == lb.raw_len);
			fuzz_recode(b);
		} else {
			fuzz_check(err_status() == ST_CORRUPT);
		}
	}
	fuzz_check(r == -1 ? err_status() == ST_CORRUPT : n < LZOP_BLOCK_HEADER_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct block *b;
	struct lzop_header h;
	int r;

	if (!b)
		b = block_new();
	fuzz_check(b);
	err_clear();
	r = lzop_header_parse(&h, data, size);
	if (r == 1) {
		fuzz_check(h.size <= size && h.size <= LZOP_HEADER_MAX && lzop_is(data, size));
		fuzz_blocks(b, &h, data + h.size, size - h.size);
	} else if (r == 0) {
		fuzz_check(size < LZOP_HEADER_MAX);
	} else {
		fuzz_check(err_status() == ST_CORRUPT);
	}
	if (size >= 4) {
		memset(&h, 0, sizeof(h));
		h.flags = get_be32(data);
		fuzz_blocks(b, &h, data + 4, size - 4);
	}
	return 0;
}
