/*
 * ptable_last: tables whose last partition must not get another size; states that an interrupted
 * ptable_fit_last() leaves, and those that only look like them; and where the last partition can
 * end.
 */
#include "tests/unit/last_partition.h"
#include "tests/unit/tap.h"

/* Changes 8 bytes of an entry in the primary table (lba 1) or in the backup, with the checksums. */
static void set_entry(unsigned sector, uint64_t header, unsigned i, unsigned off, uint64_t value)
{
	uint64_t at = header == 1 ? 2 * sector : header * sector - 128 * 128;
	uint8_t e[128 * 128];

	gpt_image_get("x", e, sizeof(e), at);
	put_le64(e + (size_t)i * 128 + off, value);
	gpt_image_put("x", e, sizeof(e), at);
	gpt_image_set("x", sector, header, 88, 4, libdeflate_crc32(0, e, sizeof(e)));
}

static void expect(const char *odd, uint64_t end, const char *what)
{
	struct ptable t;
	int fd = open_table(&t, "x", gpt_image_len("x"));

	ok(fd >= 0 && t.kind == PTABLE_GPT, what);
	is_str(t.odd, odd, what);
	is_int(t.last_end, end, what);
	close(fd);
}

/* A valid primary table, and a backup that differs. */
static void test_backup_differs(unsigned sector)
{
	static const char differs[] = "a GPT whose backup differs from it";
	uint64_t last = 8 * MIB / sector - 1, mib = MIB / sector;

	gpt_image_make(sector, 8 * MIB);
	set_entry(sector, last, 1, 40, 5 * mib - 1);
	expect(NULL, 4 * MIB, "the backup has another end of the last partition");
	is_int(fit_last("x", 8 * MIB, 6 * MIB), 0, "it gets a third one");
	expect(NULL, 6 * MIB, "which it has then");
	set_entry(sector, 1, 1, 40, 5 * mib - 1);
	expect(NULL, 5 * MIB, "only the primary table has changed");

	gpt_image_make(sector, 8 * MIB);
	set_entry(sector, last, 1, 40, 8 * mib - 2);
	expect(differs, 0, "an end beyond its area");
	set_entry(sector, last, 1, 40, 3 * mib - 1);
	expect(differs, 0, "an end before the beginning");
	set_entry(sector, last, 1, 40, UINT64_MAX);
	expect(differs, 0, "an end of 2^64");
	set_entry(sector, last, 1, 40, 5 * mib - 1);
	set_entry(sector, last, 1, 48, 4);
	expect(differs, 0, "another attribute, too");
	gpt_image_make(sector, 8 * MIB);
	set_entry(sector, last, 0, 40, 2 * mib - 2);
	expect(differs, 0, "another end of the first partition");
	gpt_image_make(sector, 8 * MIB);
	set_entry(sector, last, 2, 32, 2 * mib + 1);
	expect(differs, 0, "another beginning");
	gpt_image_make(sector, 8 * MIB);
	set_entry(sector, last, 1, 40, 5 * mib - 1);
	gpt_image_set("x", sector, last, 40, 8, 40);
	expect(differs, 0, "another area");
	gpt_image_make(sector, 8 * MIB);
	set_entry(sector, last, 1, 40, 5 * mib - 1);
	gpt_image_set("x", sector, last, 56, 8, 7);
	expect(differs, 0, "another disk");
	gpt_image_make(sector, 8 * MIB);
	set_entry(sector, last, 1, 40, 5 * mib - 1);
	gpt_image_set("x", sector, last, 32, 8, 2);
	expect(differs, 0, "another primary header");
}

/* A primary header that belongs to the entries of the backup. */
static void test_entries_differ(unsigned sector)
{
	static const char damaged[] = "a damaged GPT: the checksum of its entries is wrong";
	static const struct {
		unsigned off;
		const char *what;
	} change[] = { { 0, "another type" }, { 40, "another end of the first partition" },
		{ 128 + 32, "another beginning" }, { 128 + 48, "another attribute" },
		{ 16383, "a byte of an unused entry" } };
	uint64_t last = 8 * MIB / sector - 1, mib = MIB / sector;
	uint8_t old[8], byte;
	size_t i;

	gpt_image_make(sector, 8 * MIB);
	set_entry(sector, last, 1, 40, 5 * mib - 1);
	gpt_image_get("x", old, 8, 2 * sector + 128 + 40);
	set_entry(sector, 1, 1, 40, 5 * mib - 1);
	gpt_image_put("x", old, 8, 2 * sector + 128 + 40);
	expect(NULL, 5 * MIB, "entries that still have the old end");
	scratch_run("cp x interrupted");
	for (i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		gpt_image_restore("x", "interrupted");
		gpt_image_get("x", &byte, 1, 2 * sector + change[i].off);
		byte ^= 1;
		gpt_image_put("x", &byte, 1, 2 * sector + change[i].off);
		expect(damaged, 0, change[i].what);
	}
	gpt_image_restore("x", "interrupted");
	gpt_image_put("x", &(uint8_t){ 1 }, 1, last * sector - 1);
	expect(damaged, 0, "a damaged backup");
	gpt_image_restore("x", "interrupted");
	gpt_image_set("x", sector, last, 56, 8, 7);
	expect(damaged, 0, "a backup of another disk");
	gpt_image_restore("x", "interrupted");
	set_entry(sector, last, 1, 40, 6 * mib - 1);
	expect(damaged, 0, "a backup with other entries");
	gpt_image_restore("x", "interrupted");
	gpt_image_set("x", sector, 1, 32, 8, 1);
	expect(damaged, 0, "a primary header that says that it is the backup");
	gpt_image_restore("x", "interrupted");
	is_int(fit_last("x", 8 * MIB, 4 * MIB), 0, "back to the old end");
	expect(NULL, 4 * MIB, "which it has then");
}

/* A table that is read, and the end of its last partition that is asked for: refused with `why`. */
static void refuse(uint64_t new_len, uint64_t end, enum status status, const char *why)
{
	uint64_t len = gpt_image_len("x");
	struct ptable t;
	int fd = open_table(&t, "x", len);

	scratch_run("cp x before");
	if (status == ST_CORRUPT)
		scratch_run("echo ,16 | sfdisk -N 2 x; cp x before");
	is_int(ptable_fit_last(&t, fd, len, new_len, end), -1, why);
	is_int(err_status(), status, why);
	ok(strstr(err_text(), why), err_text());
	is_int(scratch_run("cmp x before"), 0, "nothing is written");
	close(fd);
}

static void test_refused(void)
{
	gpt_image_make(512, 8 * MIB);
	refuse(8 * MIB, 7 * MIB + 1, ST_REFUSED, "partition 2 cannot end at 7 MiB (7340033 bytes)");
	refuse(8 * MIB, 3 * MIB, ST_REFUSED, "partition 2 cannot end at");
	refuse(8 * MIB, 8 * MIB, ST_REFUSED, "partition 2 cannot end at");
	refuse(8 * MIB, 8 * MIB - 32 * 512, ST_REFUSED, "partition 2 cannot end at");
	refuse(100, 5 * MIB, ST_REFUSED, "partition 2 cannot end at");
	refuse(5 * MIB, 5 * MIB, ST_REFUSED, "partition 2 cannot end at");
	refuse(8 * MIB, 5 * MIB, ST_CORRUPT, "the partition table has changed");
	scratch_run("rm x; truncate -s 8M x");
	refuse(8 * MIB, 5 * MIB, ST_REFUSED, "has no partition table, so its last");
	scratch_run("echo label: gpt | sfdisk -q x");
	refuse(8 * MIB, 5 * MIB, ST_REFUSED, "has no partition, so its last");
	make_dos("label: dos\\n", 8 * MIB);
	refuse(8 * MIB, 5 * MIB, ST_REFUSED, "has no partition, so its last");
	make_dos("2048,2048\\nstart=8192,size=40960,type=5\\n", 40 * MIB);
	refuse(40 * MIB, 30 * MIB, ST_REFUSED, "has an extended partition after the last");
	make_dos("2048,2048\\n4096,2048\\n", 40 * MIB);
	scratch_patch("x", 446 + 8, "\1\10", 2);
	refuse(40 * MIB, 30 * MIB, ST_REFUSED, "has overlapping partitions, so its last");
	make_dos("2048,2048\\n4096,4096\\n", 40 * MIB);
	refuse(40 * MIB, 40 * MIB + 512, ST_REFUSED, "partition 2 cannot end at");
	refuse(40 * MIB, 30 * MIB, ST_CORRUPT, "the partition table has changed");
	make_dos(LOGICAL, 40 * MIB);
	/* The record of the first logical partition becomes the second in the chain. */
	scratch_patch("x", 446 + 16 + 8, "\0\20\0\0\0\260\0\0", 8);
	gpt_image_put("x", (const uint8_t[]){ 0x55, 0xaa }, 2, 4096 * 512 + 510);
	gpt_image_put(
		"x", (const uint8_t[16]){ [4] = 0x83, [9] = 1, [13] = 1 }, 16, 4096 * 512 + 446);
	gpt_image_put(
		"x", (const uint8_t[16]){ [4] = 5, [9] = 0xa0, [13] = 8 }, 16, 4096 * 512 + 462);
	gpt_image_put("x", (const uint8_t[]){ 0x55, 0xaa }, 2, (4096 + 0xa000) * 512 + 510);
	refuse(40 * MIB, 30 * MIB, ST_REFUSED, "has an unusual chain of logical partitions");
}

static void test_ends(void)
{
	struct ptable t;

	gpt_image_make(512, 8 * MIB);
	close(open_table(&t, "x", 8 * MIB));
	is_int(ptable_last_end_max(&t, 8 * MIB), 7 * MIB, "before the backup");
	is_int(ptable_last_end_max(&t, 8 * MIB + 33 * 512), 8 * MIB, "just before it");
	is_int(ptable_last_end_max(&t, 8 * MIB + 32 * 512), 7 * MIB, "a sector less");
	is_int(ptable_last_end_max(&t, 4 * MIB + 33 * 512), 4 * MIB, "as it is");
	is_int(ptable_last_end_max(&t, 4 * MIB), 0, "not even its first MiB");
	is_int(ptable_last_end_max(&t, 100), 0, "not even the table");
	is_int(ptable_last_end_for(&t, MIB), 4 * MIB, "the same size");
	is_int(ptable_last_end_for(&t, MIB + 1), 5 * MIB, "a larger one");
	is_int(ptable_last_end_for(&t, 1), 4 * MIB, "a smaller one");
	ok(ptable_last_end_for(&t, UINT64_MAX) == 0, "an impossible one");
	ok(ptable_last_end_for(&t, INT64_MAX - 3 * MIB) == 0, "another impossible one");
	is_int(ptable_last_min_len(&t, 5 * MIB), 5 * MIB + 33 * 512, "with the backup");
	gpt_image_make(4096, 8 * MIB);
	close(open_table(&t, "x", 8 * MIB));
	is_int(ptable_last_end_max(&t, 8 * MIB + 5 * 4096), 8 * MIB, "sectors of 4096");
	is_int(ptable_last_end_max(&t, 8 * MIB + 5 * 4096 - 1), 7 * MIB, "a byte less");
	make_dos("2048,2048\\n4096,4097\\n", 40 * MIB);
	close(open_table(&t, "x", 40 * MIB));
	is_int(ptable_last_end_max(&t, 40 * MIB + 1), 40 * MIB, "a DOS table has no backup");
	is_int(ptable_last_end_max(&t, 4 * MIB + 600), 4 * MIB + 512, "ends unaligned as it is");
	is_int(ptable_last_end_max(&t, 4 * MIB), 4 * MIB, "or aligned if it must");
	is_int(ptable_last_end_max(&t, 9000 * GIB), 2048 * GIB - MIB, "2^32 sectors");
	is_int(ptable_last_end_for(&t, 2 * MIB + 512), 4 * MIB + 512, "unaligned, but enough");
	is_int(ptable_last_end_for(&t, 2 * MIB), 4 * MIB, "aligned and before it");
	is_int(ptable_last_end_for(&t, 2 * MIB + 513), 5 * MIB, "aligned and after it");
	is_int(ptable_last_min_len(&t, 5 * MIB), 5 * MIB, "and needs no more");
}

int main(void)
{
	scratch_open();
	test_backup_differs(512);
	test_backup_differs(4096);
	test_entries_differ(512);
	test_entries_differ(4096);
	test_refused();
	test_ends();
	scratch_close(tap_failed);
	return tap_done();
}
