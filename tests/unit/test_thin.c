/* thin: parsing the output of thin_dump, and finding offsets in the map. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/lvm/thin.h"
#include "tests/unit/tap.h"

#define HEAD                                                                                       \
	"<superblock uuid=\"\" time=\"1\" transaction=\"2\" version=\"2\" "                        \
	"data_block_size=\"128\" nr_data_blocks=\"0\">\n"                                          \
	"  <device dev_id=\"1\" mapped_blocks=\"19\" transaction=\"0\" creation_time=\"0\">\n"
#define TAIL "  </device>\n</superblock>\n"
#define RANGE(from, n)                                                                             \
	"    <range_mapping origin_begin=\"" #from "\" data_begin=\"7\" length=\"" #n              \
	"\" time=\"0\"/>\n"
#define SINGLE(from)                                                                               \
	"    <single_mapping origin_block=\"" #from "\" data_block=\"9\" time=\"1\"/>\n"

static struct thin_map m;

static int parse(const char *text)
{
	thin_map_fini(&m);
	err_clear();
	return thin_map_parse(&m, text, 65536);
}

static void test_find(void)
{
	const struct thin_range *r;

	parse(HEAD RANGE(2, 16) SINGLE(20) SINGLE(21) RANGE(100, 1) TAIL);
	is_int((long)m.count, 3, "adjacent mappings are one range");
	r = thin_map_find(&m, 0);
	ok(r && r->start == 2 * 65536 && r->end == 18 * 65536, "an offset in the first range");
	ok(thin_map_find(&m, 18 * 65536 - 1) == r, "its last byte");
	r = thin_map_find(&m, 18 * 65536);
	ok(r && r->start == 20 * 65536 && r->end == 22 * 65536, "the next range");
	ok(thin_map_find(&m, 100 * 65536) == &m.range[2], "the last range");
	ok(thin_map_find(&m, 101 * 65536) == NULL, "an offset after the last range");
}

int main(void)
{
	is_int(parse(HEAD TAIL), 0, "nothing is mapped");
	ok(m.count == 0 && thin_map_find(&m, 0) == NULL, "so nothing is found");
	test_find();
	is_int(parse(HEAD RANGE(2, 16) "  </device>\n</superblock>"), 0, "no newline at the end");
	ok(m.count == 1 && m.range[0].end == 18 * 65536, "the same ranges");
	is_int(parse(HEAD "    <range_mapping origin_begin=\"1\" data_begin=\"7\" length=\"1"), -1,
		"cut off in a value");
	is_int(parse(HEAD RANGE(2, 16) SINGLE(17) TAIL), -1, "an overlap");
	is_int(parse(HEAD SINGLE(5) SINGLE(4) TAIL), -1, "out of order");
	is_int(parse(HEAD RANGE(2, 0) TAIL), -1, "an empty range");
	is_int(parse(HEAD RANGE(18446744073709551615, 16) TAIL), -1, "an overflow");
	is_int(parse(HEAD RANGE(1, 140737488355328) TAIL), -1, "an overflow of the offset");
	is_int(parse(HEAD RANGE(x, 16) TAIL), -1, "a value that is not a number");
	is_int(parse(HEAD RANGE(-1, 16) TAIL), -1, "a negative value");
	is_int(parse(HEAD "    <range_mapping origin_begin=\"1\"\n" TAIL), -1,
		"an incomplete line");
	is_int(parse(HEAD RANGE(2, 16)), -1, "no end of the superblock");
	is_int(parse(""), -1, "no text");
	is_int(err_status(), ST_FAILED, "is an error");
	thin_map_fini(&m);
	return tap_done();
}
