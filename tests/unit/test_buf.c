/* The byte buffer and the bounds-checked view. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/tap.h"

static void test_append(void)
{
	struct buf b = BUF_INIT;
	size_t i;
	int wrong = 0;

	is_str(buf_str(&b), "", "an empty buf is the empty string");
	buf_adds(&b, "ab");
	buf_addf(&b, "-%d-%s", 42, "x");
	is_str(buf_str(&b), "ab-42-x", "strings and formats");
	is_int(b.len, 7, "the NUL does not count");
	buf_clear(&b);
	is_int(b.len, 0, "cleared");
	buf_add(&b, NULL, 0);
	is_str(buf_str(&b), "", "no bytes can be added from NULL");
	for (i = 0; i < 100000; i++)
		buf_u8(&b, (uint8_t)i);
	for (i = 0; i < 100000; i++)
		wrong += b.data[i] != (uint8_t)i;
	is_int(wrong, 0, "100000 bytes survive growing");
	is_int(buf_failed(&b), 0, "nothing failed");
	buf_clear(&b);
	for (i = 0; i < 63; i++)
		buf_addf(&b, "%s", "yy");
	is_int(strlen(buf_str(&b)), 126, "formats append at any length");
	buf_fini(&b);
	ok(b.data == NULL && b.len == 0, "empty after buf_fini");
	buf_adds(&b, "again");
	is_str(buf_str(&b), "again", "and usable again");
	buf_fini(&b);
	buf_fini(&b);
}

static void test_integers(void)
{
	static const uint8_t want[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
		0x0b, 0x0c, 0x0d, 0x0e, 0xff };
	uint8_t last[8];
	struct buf b;
	struct view v;

	buf_init(&b);
	buf_u8(&b, 0x01);
	buf_u16(&b, 0x0203);
	buf_u32(&b, 0x04050607);
	put_be64(last, 0x08090a0b0c0d0eff);
	buf_add(&b, last, sizeof(last));
	is_int(b.len, sizeof(want), "each has its size");
	ok(memcmp(b.data, want, sizeof(want)) == 0, "network order");
	view_init(&v, b.data, b.len);
	is_int(view_u8(&v), 0x01, "u8 back");
	is_int(view_u16(&v), 0x0203, "u16 back");
	is_int(view_u32(&v), 0x04050607, "u32 back");
	ok(view_u64(&v) == 0x08090a0b0c0d0eff, "u64 back");
	ok(!view_bad(&v) && v.left == 0, "all read");
	is_int(view_u8(&v), 0, "zero after the end");
	ok(view_bad(&v), "which is remembered");
	buf_fini(&b);
}

static void test_lines(void)
{
	struct buf b = BUF_INIT;

	buf_add_lines(&b, "> ", "one\ntwo");
	is_str(buf_str(&b), "> one\n> two", "each line gets the prefix");
	buf_clear(&b);
	buf_add_lines(&b, "> ", "\n");
	is_str(buf_str(&b), "> \n> ", "also empty ones");
	buf_clear(&b);
	buf_add_lines(&b, "> ", "");
	is_str(buf_str(&b), "> ", "also of no text");
	buf_fini(&b);
}

static void test_failure(void)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "kept");
	err_clear();
	is_int(buf_reserve(&b, SIZE_MAX - 2), -1, "too much to allocate");
	is_int(err_status(), ST_FAILED, "recorded");
	buf_adds(&b, "lost");
	is_str(buf_str(&b), "kept", "the content is unchanged");
	err_clear();
	is_int(buf_failed(&b), -1, "buf_failed reports it");
	is_str(err_text(), "out of memory", "with the reason");
	buf_clear(&b);
	is_int(buf_failed(&b), 0, "a cleared buf has not failed");
	is_int(buf_reserve(&b, 1000), 0, "and can grow");
	ok(b.cap - b.len > 1000, "for all of it and a NUL");
	buf_fini(&b);
}

static void test_view(void)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5 };
	struct view v;

	view_init(&v, bytes, sizeof(bytes));
	ok(view_bytes(&v, 2) == bytes, "bytes are not copied");
	ok(view_bytes(&v, 0) == bytes + 2 && !view_bad(&v), "none is possible");
	ok(view_bytes(&v, 4) == NULL, "more than are left are not");
	is_int(view_u8(&v), 0, "and zero after that");
	ok(view_bytes(&v, 0) == NULL, "not even an empty range");
	ok(view_bad(&v), "bad for ever");
	view_init(&v, bytes, 3);
	is_int(view_u32(&v), 0, "a truncated integer is 0");
	ok(view_bad(&v), "and bad");
	view_init(&v, bytes, sizeof(bytes));
	ok(view_bytes(&v, SIZE_MAX) == NULL, "no overflow");
	view_init(&v, NULL, 0);
	is_int(view_u16(&v), 0, "an empty view has no bytes");
	ok(view_bad(&v), "and says so");
}

int main(void)
{
	test_append();
	test_integers();
	test_lines();
	test_failure();
	test_view();
	return tap_done();
}
