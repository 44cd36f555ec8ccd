/*
 * dos_sector: DOS tables that count in sectors of 4096 bytes are recognised by what the partitions
 * contain, and their last partition changes its size.  fdisk judges the tables.
 */
#include "tests/unit/last_partition.h"
#include "tests/unit/tap.h"

/*
 * Creates x with partition 1 from 1 to 3 MiB, and the last from 4 to 10 MiB: 2, or 5 in an extended
 * one that begins at 3 MiB.
 */
static void make_table(unsigned sector, int logical, uint64_t len)
{
	unsigned mib = GPT_IMAGE_MIB / sector;
	char second[64];

	if (logical)
		snprintf(second, sizeof(second), "n e 2 %u %u n l %u", 3 * mib, 10 * mib - 1,
			4 * mib);
	else
		snprintf(second, sizeof(second), "n p 2 %u", 4 * mib);
	scratch_run("rm -f x; truncate -s %llu x; printf '%%s\\n' o n p 1 %u %u %s %u w |"
		    " fdisk -b %u -w always -W always x",
		(unsigned long long)len, mib, 3 * mib - 1, second, 10 * mib - 1, sector);
}

static void put_filesystem(uint64_t off)
{
	is_int(scratch_run("rm -f fs; truncate -s 256K fs; mkfs.ext2 -qF fs &&"
			   " dd if=fs of=x bs=64K seek=%llu conv=notrunc",
		       (unsigned long long)off >> 16),
		0, "a filesystem");
}

static void expect(unsigned sector, const char *odd, const char *what)
{
	struct ptable t;
	int fd = open_table(&t, "x", gpt_image_len("x"));

	ok(fd >= 0 && t.kind == PTABLE_DOS, what);
	is_str(t.odd, odd, what);
	is_int(t.sector, sector, what);
	ok(sector != 4096 || (t.last_start == 4 * MIB && t.last_end == 10 * MIB), what);
	close(fd);
}

static void test_recognised(void)
{
	static const char both[] = "a DOS table that may count in sectors of 512 or of 4096 bytes";

	make_table(4096, 0, 40 * MIB);
	expect(512, NULL, "sectors of 4096, nothing in the partitions");
	put_filesystem(4 * MIB);
	expect(4096, NULL, "a filesystem in the second one");
	put_filesystem(128 * 1024);
	expect(0, both, "and one where the first would be with 512");
	make_table(4096, 1, 40 * MIB);
	put_filesystem(MIB);
	expect(4096, NULL, "a logical partition");
	make_table(512, 0, 10 * MIB);
	put_filesystem(8 * MIB);
	expect(512, NULL, "sectors of 512, impossible as 4096");
	make_table(512, 0, 100 * MIB);
	expect(512, NULL, "sectors of 512, possible as 4096");
	put_filesystem(MIB);
	expect(512, NULL, "a filesystem in the first one");
	put_filesystem(8 * MIB);
	expect(0, both, "and one where the first would be with 4096");
}

/* All that fdisk says of the partitions; those whose numbers match end at `end` MiB. */
static char *list(const char *numbers, unsigned end)
{
	int status;

	return scratch_get(&status,
		"fdisk -b 4096 -o Device,Start,End,Id,Start-C/H/S -l x 2>>log |"
		" sed -n '/identifier/p; s/^x\\([0-9]\\)/\\1/p' |"
		" awk '$1 ~ /^%s$/ { $3 = %u } { $1 = $1; print }'",
		numbers, end * 256 - 1);
}

static void test_fit(int logical, unsigned len, unsigned end)
{
	char expected[4096], what[64];

	snprintf(what, sizeof(what), "%s, %u MiB, end at %u MiB", logical ? "logical" : "primary",
		len, end);
	make_table(4096, logical, 40 * MIB);
	put_filesystem(4 * MIB);
	scratch_run("cp x before");
	snprintf(expected, sizeof(expected), "%s", list(logical ? "[25]" : "2", end));
	is_int(fit_last("x", len * MIB, end * MIB), 0, what);
	is_str(list("none", 0), expected, "fdisk finds the new end");
	is_int(scratch_run("printf 'v\\nq\\n' | LC_ALL=C fdisk -b 4096 x >judge 2>&1 &&"
			   " grep -q 'No errors' judge && ! grep -i overlap judge"),
		0, "and no problem");
	is_int(scratch_run("cmp -n $(((3 << 20) - 512)) -i 512 x before &&"
			   " cmp -n $((1 << 20)) -i $((4 << 20)) x before"),
		0, "the data is kept");
}

int main(void)
{
	scratch_open();
	test_recognised();
	test_fit(0, 60, 60);
	test_fit(0, 40, 5);
	test_fit(0, 20, 15);
	test_fit(1, 60, 60);
	test_fit(1, 40, 5);
	test_fit(1, 8, 7);
	scratch_close(tap_failed);
	return tap_done();
}
