/* resize: a file whose size another job changes meanwhile. */
#include "lib/store/resize.h"

#include <string.h>

#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define HUGE_LEN (UINT64_C(1) << 62)

/* What is written can be read, with what follows it; other text cannot. */
static void test_record(void)
{
	static const struct resize_record records[] = { { .from = 1, .to = 2 },
		{ .from = INT64_MAX, .to = INT64_MAX, .fs = INT64_MAX },
		{ .from = 3, .to = 4, .zeroed = true }, { .from = 5, .to = 6, .changing = true },
		{ .from = INT64_MAX,
			.to = INT64_MAX,
			.fs = INT64_MAX,
			.zeroed = true,
			.changing = true } };
	static const char *const bad[] = { "", "1", "1:2", "1:2:", "0:2:0", "1:0:0", "-1:2:0",
		":zeroed", "1:2:zeroed", "1:2:changing" };
	char text[RESIZE_RECORD_MAX + 10];
	struct resize_record c;
	const char *rest;
	size_t i;

	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		const struct resize_record *r = &records[i];

		resize_record_write(r, text);
		ok(strlen(text) < RESIZE_RECORD_MAX - 1, text);
		strcat(text, ":h:b:1:2:3");
		rest = resize_record_parse(&c, text);
		is_str(rest ? rest : "", ":h:b:1:2:3", "record: what follows");
		ok(c.from == r->from && c.to == r->to && c.fs == r->fs && c.zeroed == r->zeroed &&
				c.changing == r->changing,
			"record: is the same");
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!resize_record_parse(&c, bad[i]), bad[i]);
}

static long long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (long long)st.st_size;
}

static void test_before(void)
{
	const struct resize_want want = { .in_use = false };
	struct image *img;

	scratch_save("x", "0123456789", 10);
	img = places_image(&places_free, "x");
	ok(truncate("x", 20) == 0, "before: it grows after it was opened");
	ok(img && !resize_open(img, &want) && err_status() == ST_BUSY, "before: is refused");
	is_int(size_of("x"), 20, "before: and is as it was");
	image_close(img);
}

static void test_meanwhile(bool in_use)
{
	const struct resize_want want = { .in_use = in_use };
	struct image *img;
	struct resize *r;

	scratch_save("x", "0123456789", 10);
	img = places_image(&places_free, "x");
	r = img ? resize_open(img, &want) : NULL;
	ok(r && resize_plan(r, 15) == 0 && truncate("x", 20) == 0, "meanwhile: it grows");
	ok(r && resize_grow(r) == 0, "meanwhile: nothing is left to do");
	is_int(size_of("x"), 20, "meanwhile: what was added stays");
	resize_close(r);
	image_close(img);
	img = places_image(&places_free, "x");
	r = img ? resize_open(img, &want) : NULL;
	ok(r && resize_plan(r, HUGE_LEN) == 0 && truncate("x", 30) == 0, "failure: it grows");
	err_clear();
	ok(r && resize_grow(r) < 0 && err_status() == ST_NOROOM, "failure: without space");
	is_int(size_of("x"), 30, "failure: what was added stays");
	resize_close(r);
	image_close(img);
}

static void test_cut(void)
{
	const struct resize_want want = { .in_use = false };
	struct image *img;
	struct resize *r;

	scratch_save("x", "0123456789", 10);
	img = places_image(&places_free, "x");
	r = img ? resize_open(img, &want) : NULL;
	ok(r && resize_plan(r, 5) == 0 && truncate("x", 20) == 0, "cut: it grows");
	ok(r && resize_cut(r) < 0 && err_status() == ST_BUSY, "cut: is refused");
	is_int(size_of("x"), 20, "cut: what was added stays");
	ok(truncate("x", 10) == 0 && r && resize_cut(r) == 0, "cut: it has its old size again");
	is_int(size_of("x"), 5, "cut: and is cut");
	resize_close(r);
	image_close(img);
}

/* Another file has got the name before the image is changed: in a copy, or in place. */
static void test_replaced(bool in_place)
{
	const struct resize_want want = { .risky = true, .in_place = in_place };
	struct image *img;
	struct resize *r;

	scratch_save("x", "0123456789", 10);
	scratch_save("other", "abcdefghij", 10);
	img = places_image(&places_free, "x");
	r = img ? resize_open(img, &want) : NULL;
	ok(r && resize_plan(r, 15) == 0, "replaced: it is planned");
	if (in_place)
		ok(r && resize_begin(r) == 0 && resize_grow(r) == 0, "replaced: it grows");
	ok(rename("other", "x") == 0, "replaced: another file gets its name");
	err_clear();
	ok(r && (in_place ? resize_finish(r) : resize_begin(r)) < 0 && err_status() == ST_BUSY,
		"replaced: is refused");
	is_int(scratch_run("test \"$(cat x)\" = abcdefghij"), 0, "replaced: it is as it was");
	resize_close(r);
	image_close(img);
}

int main(void)
{
	scratch_open();
	test_record();
	test_before();
	test_cut();
	test_meanwhile(false);
	test_meanwhile(true);
	test_replaced(false);
	test_replaced(true);
	scratch_close(tap_failed);
	return tap_done();
}
