/* lzo_decode: compared with liblzo2's decoder, on what its encoders make and on damage. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lzo/lzo1x.h>

#include "lib/block/lzo_decode.h"
#include "tests/unit/tap.h"

#define PLAIN 65536
#define CODED (PLAIN + PLAIN / 16 + 67)
#define GUARD 64

typedef int encoder(const lzo_bytep in, lzo_uint n, lzo_bytep out, lzo_uintp out_n, lzo_voidp work);

static const struct {
	encoder *encode;
	const char *name;
} encoders[] = {
	{ lzo1x_1_compress, "LZO1X-1" },
	{ lzo1x_1_11_compress, "LZO1X-1-11" },
	{ lzo1x_1_15_compress, "LZO1X-1-15" },
	{ lzo1x_999_compress, "LZO1X-999" },
};

static uint8_t plain[PLAIN], coded[CODED], work[LZO1X_999_MEM_COMPRESS];
static uint32_t state = 1;

static uint32_t any(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)state * below >> 32);
}

/* Repetitions of all lengths at all distances, between bytes that do not repeat. */
static void fill(size_t n, uint32_t farthest)
{
	size_t i = 0, j, piece, distance;

	while (i < n) {
		piece = any(8) ? 1 + any(20) : 1 + any(2000);
		distance = i ? 1 + any(any(4) ? 40 : farthest) : 0;
		distance = distance > i ? i : distance;
		for (j = 0; j < piece && i < n; i++, j++)
			plain[i] = distance && piece > 3 ? plain[i - distance] : (uint8_t)any(256);
	}
}

/* Decodes with both decoders: whether they agree, and ours wrote nothing beyond the room. */
static bool agree(const uint8_t *in, size_t n, size_t room, int *result)
{
	/* The copy ends with the memory, so that sanitizers and valgrind see a byte too many. */
	uint8_t *copy = malloc(n ? n : 1), *ours = malloc(room + GUARD), *theirs = malloc(room + 1);
	lzo_uint m = room;
	size_t k = room, i;
	bool same;

	memcpy(copy, in, n);
	memset(ours, 0xa5, room + GUARD);
	*result = lzo_decode(copy, n, ours, &k);
	same = (*result == 0) == (lzo1x_decompress_safe(copy, n, theirs, &m, NULL) == LZO_E_OK);
	if (same && *result == 0)
		same = k == m && k <= room && memcmp(ours, theirs, k) == 0;
	for (i = room; i < room + GUARD; i++)
		same = same && ours[i] == 0xa5;
	free(copy);
	free(ours);
	free(theirs);
	return same;
}

static void test_encoder(encoder *encode)
{
	static const size_t sizes[] = { 1, 2, 3, 4, 17, 18, 19, 63, 238, 239, 4096, PLAIN };
	bool same = true, all = true, none = true;
	uint8_t out[300];
	lzo_uint n;
	size_t i, k, cut;
	int r;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fill(sizes[i], 49151);
		encode(plain, sizes[i], coded, &n, work);
		same = agree(coded, n, sizes[i], &r) && same;
		all = all && r == 0;
		same = agree(coded, n, sizes[i] + 1000, &r) && same;
		all = all && r == 0;
		same = agree(coded, n, sizes[i] - 1, &r) && same;
		none = none && r != 0;
		coded[n] = 0;
		same = agree(coded, n + 1, sizes[i], &r) && same;
		none = none && r != 0;
		for (cut = 0; cut < n && cut < 500; cut++) {
			same = agree(coded, cut, sizes[i], &r) && same;
			none = none && r != 0;
		}
		k = sizeof(out);
		if (sizes[i] <= sizeof(out))
			all = all && lzo_decode(coded, n, out, &k) == 0 && k == sizes[i] &&
			      memcmp(out, plain, k) == 0;
	}
	ok(all, "what it makes is decoded");
	ok(none, "too little room, a part, and a byte too many are refused");
	ok(same, "liblzo2 agrees, and nothing is written beyond the room");
}

/* Each instruction, also those which no encoder makes, by changes of what encoders make. */
static void test_damage(encoder *encode)
{
	unsigned i, k, accepted = 0;
	bool same = true;
	uint8_t kept;
	lzo_uint n;
	size_t at;
	int r;

	for (i = 0; i < 400 && same; i++) {
		size_t size = 1 + any(600);

		fill(size, 600);
		encode(plain, size, coded, &n, work);
		for (k = 0; k < 100; k++) {
			at = any((uint32_t)n);
			kept = coded[at];
			coded[at] = (uint8_t)(any(2) ? any(256) : kept ^ 1U << any(8));
			same = agree(coded, n, size + any(64), &r) && same;
			accepted += r == 0;
			if (any(4) == 0) /* else the next change adds to this */
				coded[at] = kept;
		}
	}
	ok(same, "liblzo2 agrees on 40,000 changes");
	ok(accepted > 100, "some of which are decoded");
}

/* A run of n literals, an instruction, two literals if it says so, and the end. */
static size_t put_after_run(size_t n, const uint8_t *instruction, size_t size)
{
	uint8_t *p = coded;
	size_t rest = n - 18;

	for (*p++ = 0; rest > 255; rest -= 255)
		*p++ = 0;
	*p++ = (uint8_t)rest;
	while (n-- > 0)
		*p++ = (uint8_t)any(256);
	memcpy(p, instruction, size);
	p += size;
	memcpy(p, (const uint8_t[]){ 17, 0, 0 }, 3);
	return (size_t)(p + 3 - coded);
}

/* What encoders hardly ever make. */
static void test_rare(void)
{
	static const uint8_t far[] = { 1 << 2 | 2, 3, 'a', 'b' },
			     longest[] = { 32 | 1, 0xfc, 0xff };
	size_t n = put_after_run(2100, far, sizeof(far));
	int r;

	ok(agree(coded, n, 2105, &r) && r == 0, "three bytes at 2062, behind a run");
	n = put_after_run(2061, far, sizeof(far));
	ok(agree(coded, n, 2066, &r) && r == -1, "one more than there are");
	n = put_after_run(17000, longest, sizeof(longest));
	ok(agree(coded, n, 17003, &r) && r == 0, "16384 as a distance that is not the end");
}

static void test_by_hand(void)
{
	static const uint8_t end[] = { 17, 0, 0 }, long_end[] = { 16, 0, 9, 3, 0 },
			     before[] = { 18, 'a', 0, 1, 17, 0, 0 },
			     far[] = { 18, 'a', 32, 0, 0, 17, 0, 0 };
	uint8_t out[8];
	size_t n = 0;
	int r;

	ok(lzo_decode(end, sizeof(end), out, &n) == 0 && n == 0, "an end alone is an empty output");
	ok(lzo_decode(end, 0, out, &n) == -1, "no input is refused");
	ok(agree(long_end, sizeof(long_end), 8, &r) && r == 0, "the end may have any length");
	ok(agree(before, sizeof(before), 8, &r) && r == -1,
		"a match before the output's start is refused");
	ok(agree(far, sizeof(far), 1 << 16, &r) && r == -1,
		"a length without its last byte is refused");
}

int main(void)
{
	size_t i;

	ok(lzo_init() == LZO_E_OK, "liblzo2 starts");
	test_by_hand();
	test_rare();
	for (i = 0; i < sizeof(encoders) / sizeof(encoders[0]); i++) {
		printf("# %s\n", encoders[i].name);
		test_encoder(encoders[i].encode);
		test_damage(encoders[i].encode);
	}
	return tap_done();
}
