/* device_mark: what marks a block device that is being filled, and what does not. */
#include "lib/store/device/device_mark.h"
#include "tests/unit/tap.h"

#define TEXT "img-tools: unfinished device\n"

static uint8_t first[DEVICE_MARK_SIZE];

static void put(size_t n)
{
	memset(first, 0xee, sizeof(first));
	device_mark_put(first, n);
}

/* Lengths of the first block: that of a device that is smaller than the mark, too. */
static void test_lengths(void)
{
	static const size_t lengths[] = { 32, 33, 512, 1024, 4095, DEVICE_MARK_SIZE };
	char name[80];
	size_t i, k;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		put(lengths[i]);
		snprintf(name, sizeof(name), "a mark of %zu bytes", lengths[i]);
		ok(device_mark_is(first, lengths[i]), name);
		for (k = lengths[i]; k < sizeof(first) && first[k] == 0xee; k++)
			;
		is_int(k, sizeof(first), "... and not a byte more is written");
	}
	ok(device_mark_is(first, 512), "the beginning of a mark");
	ok(!device_mark_is(first, 31), "too few bytes are none");
	ok(!device_mark_is(first, 0), "no bytes are none");
	put(4);
	ok(memcmp(first, "img-\xee", 5) == 0, "a device of 4 bytes gets what fits");
	ok(!device_mark_is(first, 4), "which is no mark");
	put(0);
	is_int(first[0], 0xee, "an empty device gets nothing");
}

/* Anything else, as what a guest or another program writes. */
static void test_others(void)
{
	size_t i;
	int marks = 0;

	memset(first, 0, sizeof(first));
	ok(!device_mark_is(first, sizeof(first)), "zeros are no mark");
	memset(first, 0xff, sizeof(first));
	ok(!device_mark_is(first, sizeof(first)), "nor is an erased flash");
	for (i = 0; i < DEVICE_MARK_SIZE; i++) {
		put(sizeof(first));
		first[i] ^= 1;
		marks += device_mark_is(first, sizeof(first));
	}
	is_int(marks, 0, "nor is a mark in which one bit differs, anywhere");
	put(sizeof(first));
	first[600] = 'x';
	ok(device_mark_is(first, 512) && !device_mark_is(first, sizeof(first)),
		"what follows the text must be zeros, as far as it is read");
}

/* The format does not change: a mark outlives the version that wrote it. */
static void test_format(void)
{
	uint8_t want[DEVICE_MARK_SIZE] = TEXT;

	put(sizeof(first));
	is_int(DEVICE_MARK_SIZE, 4096, "the mark is one page");
	ok(memcmp(first, want, sizeof(want)) == 0, "the text, then zeros");
	ok(sizeof(TEXT) - 1 <= 32, "which fits into 32 bytes");
	ok(device_mark_is(want, sizeof(want)), "so it is known");
}

int main(void)
{
	test_lengths();
	test_others();
	test_format();
	return tap_done();
}
