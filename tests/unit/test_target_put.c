/* target_put: which bytes of a block are written, with units of several sizes. */
#include <stdlib.h>
#include <string.h>

#include "lib/block/block.h"
#include "lib/store/target_ops.h"
#include "tests/unit/tap.h"

#define SPACE (4 * BLOCK_SIZE)

static uint8_t content[SPACE]; /* 'x' where nothing happened */
static unsigned calls;

static int put_write(struct target *t, const void *p, size_t n, uint64_t off)
{
	(void)t;
	calls++;
	memcpy(content + off, p, n);
	return 0;
}

static int put_zero(struct target *t, uint64_t len, uint64_t off)
{
	(void)t;
	memset(content + off, 'z', len);
	return 0;
}

static const struct target_ops ops = { .write = put_write, .zero = put_zero };

/* What is expected at an offset: 'z' if it is in an aligned unit of zeros within the block. */
static bool is_left_out(const struct block *b, uint64_t unit, uint64_t at)
{
	uint64_t from = at - at % unit, to = from + unit;

	if (b->len < BLOCK_SIZE && to > b->off + b->len)
		to = b->off + b->len;
	return from >= b->off && to <= b->off + b->len &&
	       block_all_zero(b->raw + (from - b->off), to - from);
}

/* Puts a block whose page i is zero if bit i of zeros is set; how many bytes are wrong. */
static uint64_t put(struct block *b, uint64_t zeros, uint64_t unit, uint64_t off, uint64_t len)
{
	struct target t = { .ops = &ops, .space = SPACE, .hole_unit = unit };
	uint64_t i, wrong = 0;
	bool left_out = false;
	uint8_t want;

	memset(content, 'x', sizeof(content));
	calls = 0;
	block_set_data(b, off, len);
	for (i = 0; i < len; i++)
		b->raw[i] = zeros >> (i / BLOCK_UNIT) & 1 ? 0 : (uint8_t)(1 + i % 90);
	b->has_raw = true;
	block_find_zeros(b);
	if (target_put(&t, b) < 0)
		return UINT64_MAX;
	for (i = 0; i < SPACE; i++) {
		if (i % BLOCK_UNIT == 0)
			left_out = unit && i >= off && i < off + len && is_left_out(b, unit, i);
		want = i < off || i >= off + len ? 'x' : left_out ? 'z' : b->raw[i - off];
		wrong += content[i] != want;
	}
	return wrong;
}

static void test_units(struct block *b)
{
	static const uint64_t units[] = { 0, 4096, 8192, 65536, 196608, 262144, 1048576 };
	static const uint64_t lens[] = { BLOCK_SIZE, 1, 4096, 70000, BLOCK_SIZE - 1 };
	static const uint64_t patterns[] = { 0, ~0ull, 0x5555555555555555, ~1ull, 1, ~0ull >> 1,
		0xffff0000ffff0000, 0x0ffffffff0000ff0, 0x00000000ffffffff };
	size_t u, l, p;
	uint64_t wrong = 0;

	for (u = 0; u < sizeof(units) / sizeof(*units); u++) {
		for (wrong = 0, l = 0; l < sizeof(lens) / sizeof(*lens); l++)
			for (p = 0; p < sizeof(patterns) / sizeof(*patterns); p++)
				wrong += put(
					b, patterns[p], units[u], (l % 3) * BLOCK_SIZE, lens[l]);
		is_int(wrong, 0, "what fills a unit is left out, and all else is written");
	}
	put(b, 0x5555555555555555, 65536, 0, BLOCK_SIZE);
	is_int(calls, 1, "zeros that fill no unit do not divide a write");
	put(b, 0xffff0000, 65536, 0, BLOCK_SIZE);
	is_int(calls, 2, "one that is left out does");
}

int main(void)
{
	struct block *b = block_new();

	if (ok(b, "a block"))
		test_units(b);
	block_free(b);
	return tap_done();
}
