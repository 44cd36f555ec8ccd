/* Text from outside: what is valid, how it is escaped, how wide it is. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/unit/tap.h"

static void test_utf8(void)
{
	static const char *const valid[] = { "", "abc", "\xc3\xa4", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf" };
	static const char *const invalid[] = {
		"\x80",
		"\xc3",
		"\xc3(",
		"\xc0\xaf",
		"\xc1\xbf", /* overlong */
		"\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf", /* overlong, too */
		"\xed\xa0\x80",	    /* a surrogate */
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"a\xe2\x82",
		"\xe2\x82z",
	};
	size_t i;

	for (i = 0; i < sizeof(valid) / sizeof(*valid); i++)
		ok(text_is_utf8(valid[i], strlen(valid[i])), "valid");
	for (i = 0; i < sizeof(invalid) / sizeof(*invalid); i++)
		ok(!text_is_utf8(invalid[i], strlen(invalid[i])), "invalid");
	ok(!text_is_utf8("\xe2\x82\xac", 2), "the length is obeyed");
	ok(text_is_utf8("a\0b", 3), "a NUL is a character");
}

static void is_safe(const char *s, const char *want, const char *name)
{
	char out[256];
	char *dup = text_safe_dup(s);

	is_str(text_safe(s, out, sizeof(out)), want, name);
	is_str(dup, want, "and in fresh memory");
	free(dup);
}

static void test_safe(void)
{
	is_safe("plain \xc3\xa4 \\x", "plain \xc3\xa4 \\x", "harmless text is unchanged");
	is_safe("a\nb\tc\r", "a\\nb\\tc\\x0d", "newline, tab, return");
	is_safe("\x1b[0m\x7f", "\\x1b[0m\\x7f", "escape and delete");
	is_safe("\xc2\x9b", "\\xc2\\x9b", "a C1 control");
	is_safe("\xc2\xa0", "\xc2\xa0", "the first character after them");
	is_safe("\xe2\x80\xae"
		"x",
		"\\xe2\\x80\\xaex", "right-to-left override");
	is_safe("\xe2\x81\xa6\xd8\x9c", "\\xe2\\x81\\xa6\\xd8\\x9c", "isolate and Arabic mark");
	is_safe("\xe2\x80\xa8\xef\xbb\xbf", "\\xe2\\x80\\xa8\\xef\\xbb\\xbf", "separator and BOM");
	is_safe("a\xff\xc3", "a\\xff\\xc3", "invalid bytes");
	is_safe("", "", "nothing");
}

static void test_cut(void)
{
	char out[16];

	is_str(text_safe("123456", out, 7), "123456", "fits exactly");
	is_str(text_safe("1234567", out, 7), "123...", "does not");
	is_str(text_safe("1234", out, 4), "...", "the smallest buffer");
	is_str(text_safe("123", out, 4), "123", "which holds three bytes");
	is_str(text_safe("1\xe2\x82\xac"
			 "2345",
		       out, 7),
		"1...", "cut between characters");
	is_str(text_safe("ab\x01"
			 "cdef",
		       out, 9),
		"ab...", "and not within an escape");
}

static void test_copies(void)
{
	char *s = text_utf8_dup("a\xff\x01\xe2\x82z\xc3\xa4");

	is_str(s, "a\xef\xbf\xbd\x01\xef\xbf\xbd\xef\xbf\xbdz\xc3\xa4",
		"each invalid byte replaced");
	free(s);
	s = text_hex_dup("a\xff\n");
	is_str(s, "61ff0a", "hexadecimal");
	free(s);
	s = text_hex_dup("");
	is_str(s, "", "of an empty text");
	free(s);
}

static void test_width(void)
{
	is_int(text_width("abc"), 3, "letters");
	is_int(text_width("\xc3\xa4"), 1, "an umlaut");
	is_int(text_width("e\xcc\x81"), 1, "a combining accent");
	is_int(text_width("\xe6\xbc\xa2\xe5\xad\x97"), 4, "Chinese");
	is_int(text_width("\xf0\x9f\x98\x80"), 2, "a face");
	is_int(text_width("\xe2\x9c\x85"), 2, "a check mark");
	is_int(text_width("\xe3\x81\x8b\xe3\x82\x99"), 2, "Japanese with a voiced mark");
	is_int(text_width("\xe0\xb8\x97\xe0\xb8\xb5\xe0\xb9\x88"), 1, "Thai with two marks");
	is_int(text_width(""), 0, "nothing");
}

int main(void)
{
	test_utf8();
	test_safe();
	test_cut();
	test_copies();
	test_width();
	return tap_done();
}
