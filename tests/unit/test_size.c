/* size: parsing and printing amounts of bytes. */
#include <inttypes.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "tests/unit/tap.h"

static void test_parse(void)
{
	static const struct {
		const char *text;
		uint64_t want;
	} row[] = {
		{ "1", 1 },
		{ "512", 512 },
		{ "007", 7 },
		{ "1k", 1024 },
		{ "1K", 1024 },
		{ "1KiB", 1024 },
		{ "1kiB", 1024 },
		{ "1KB", 1000 },
		{ "1kB", 1000 },
		{ "3m", UINT64_C(3) << 20 },
		{ "2MB", 2000000 },
		{ "10G", UINT64_C(10) << 30 },
		{ "10GiB", UINT64_C(10) << 30 },
		{ "1t", UINT64_C(1) << 40 },
		{ "1TB", UINT64_C(1000000000000) },
		{ "1P", UINT64_C(1) << 50 },
		{ "1.5G", UINT64_C(3) << 29 },
		{ "0.5k", 512 },
		{ "1.3k", 1331 },
		{ "1.0000000000000000000000001k", 1024 },
		{ "8191P", UINT64_C(8191) << 50 },
		{ "9223372036854775807", INT64_MAX },
		{ "9007199254740991.9990234375k", INT64_MAX },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(*row); i++) {
		uint64_t got = 0;
		int rc = size_parse(row[i].text, &got);

		if (!ok(rc == 0 && got == row[i].want, row[i].text))
			printf("# got %" PRIu64 "\n", got);
	}
}

static void test_refused(void)
{
	static const char *const text[] = { "", "0", "0k", "0.0001k", "-1", "+1", " 1", "1 ", "k",
		".5k", "1.k", "1.5", "1.5.5k", "1x", "1b", "1B", "1e3", "1kk", "1Ki", "1KiBx",
		"1KBB", "0x10", "1,5G", "8192P", "9223372036854775808", "99999999999999999999",
		"18446744073709551617", "10 GiB", "1E", "1\xcb" };
	size_t i;

	for (i = 0; i < sizeof(text) / sizeof(*text); i++) {
		uint64_t got = 77;

		err_clear();
		if (!ok(size_parse(text[i], &got) == -1 && err_status() == ST_USAGE && got == 77,
			    "refused"))
			printf("# '%s'\n", text[i]);
	}
}

static void test_human(void)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} row[] = {
		{ 0, "0 B" },
		{ 512, "512 B" },
		{ 1023, "1023 B" },
		{ 1024, "1 KiB" },
		{ 1536, "1.5 KiB" },
		{ 10240, "10 KiB" },
		{ 102912, "100.5 KiB" },
		{ 1023 * 1024 + 1000, "1 MiB" },
		{ 1000 * 1024 + 512, "1001 KiB" },
		{ 999 * 1024 + 1023, "1000 KiB" },
		{ UINT64_C(10) << 30, "10 GiB" },
		{ UINT64_C(3) << 39, "1.5 TiB" },
		{ UINT64_C(1) << 50, "1 PiB" },
		{ UINT64_MAX, "16 EiB" },
	};
	char out[SIZE_HUMAN];
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(*row); i++)
		is_str(size_human(row[i].bytes, out), row[i].want, row[i].want);
	ok(size_human(1, out) == out, "it returns its buffer");
}

int main(void)
{
	test_parse();
	test_refused();
	test_human();
	return tap_done();
}
