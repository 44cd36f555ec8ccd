/* table: lines of a title and a value, safe for a terminal. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cli/info_show.h"
#include "lib/cli/table.h"
#include "tests/unit/capture.h"
#include "tests/unit/tap.h"

static struct table t;
static int result;

/* What the table prints; it is empty afterwards. */
static const char *printed(void)
{
	capture_begin();
	result = table_print(&t);
	table_fini(&t);
	table_init(&t);
	return capture_end();
}

static void test_rows(void)
{
	is_str(printed(), "", "nothing");
	is_int(result, 0, "is no error");
	table_rowf(&t, "size", "%d", 5);
	table_rowf(&t, "a longer one", "%s", "x y");
	table_rowf(&t, "empty", "%s", "");
	is_str(printed(), "size          5\na longer one  x y\nempty         \n",
		"all values begin in one column");
	table_rowf(&t,
		"gr\xc3\xb6\xc3\x9f"
		"e",
		"%d", 1);
	table_rowf(&t, "12345", "%d", 2);
	is_str(printed(),
		"gr\xc3\xb6\xc3\x9f"
		"e  1\n12345  2\n",
		"counted in characters");
	table_rowf(&t, "name", "%s", "a\033[31m\nb\377\xe2\x80\xae");
	is_str(printed(), "name  a\\x1b[31m\\nb\\xff\\xe2\\x80\\xae\n",
		"nothing is printed to the terminal raw");
	t.text.failed = true;
	is_str(printed(), "", "what could not be kept");
	is_int(result, -1, "is an error");
}

static void test_time(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	table_time(&t, "at", "1700000000.123456789");
	is_str(printed(), "at  2023-11-14 22:13:20 +0000\n", "a time is shown as people read it");
	table_time(&t, "at", "0.000000000");
	is_str(printed(), "at  1970-01-01 00:00:00 +0000\n", "the first");
	table_time(&t, "at", "-1.5");
	is_str(printed(), "at  1969-12-31 23:59:59 +0000\n", "one before it");
	table_time(&t, "at", NULL);
	table_time(&t, "at", "");
	table_time(&t, "at", "soon");
	table_time(&t, "at", "99999999999999999999999999");
	is_str(printed(), "", "what is no time is left out");
}

static void test_info(void)
{
	static const char bytes[] =
		"path=/x\0kind=file\0format=raw\0compression=lzo\0unfinished=1\0"
		"capacity=512\0allocation=1536\0fs.type=ext4\0fs.label=l\033\0"
		"in_use=1\0mode=0600\0owner=1\0group=2";
	struct location loc;
	struct kv kv;
	int r;

	if (location_parse(&loc, "host:/x") < 0 || kv_parse(&kv, bytes, sizeof(bytes)) < 0)
		abort();
	capture_begin();
	r = info_show_table(&loc, &kv);
	is_str(capture_end(),
		"location     host:/x\n"
		"path         /x\n"
		"kind         file, raw, compressed with lzo, UNFINISHED\n"
		"capacity     512 bytes\n"
		"allocation   1.5 KiB (1536 bytes)\n"
		"filesystem   ext4, label 'l\\x1b'\n"
		"in use       yes\n"
		"permissions  0600, owner 1, group 2\n",
		"an image's record");
	is_int(r, 0, "is shown");
	kv_fini(&kv);
	location_fini(&loc);
}

int main(void)
{
	table_init(&t);
	test_rows();
	test_time();
	test_info();
	free(capture_text);
	return tap_done();
}
