/*
 * ptable: tables made by fdisk, sfdisk and the makers of filesystems are read; what is odd is
 * named; and hostile numbers harm nothing.
 */
#include "lib/base/err.h"
#include "lib/format/ptable.h"
#include "tests/unit/gpt_image.h"
#include "tests/unit/tap.h"

#define MIB GPT_IMAGE_MIB
#define LEN (8 * (uint64_t)MIB)
#define BACKUP_SECTORS(sector) (128 * 128 / (sector) + 1)

static struct ptable t;

static void read_table(const char *what)
{
	int fd = open("x", O_RDONLY | O_CLOEXEC);

	memset(&t, 0x55, sizeof(t));
	is_int(ptable_read(&t, fd, gpt_image_len("x")), 0, what);
	close(fd);
}

static void expect_odd(enum ptable_kind kind, const char *odd, const char *what)
{
	read_table(what);
	is_int(t.kind, kind, what);
	is_str(t.odd, odd, what);
	ok(!odd || (t.used == 0 && t.min_len == 0 && t.last == 0 && t.last_end == 0), what);
}

static void test_gpt(unsigned sector)
{
	char what[64];

	snprintf(what, sizeof(what), "a GPT with sectors of %u", sector);
	is_int(gpt_image_make(sector, LEN), 0, what);
	expect_odd(PTABLE_GPT, NULL, what);
	is_int(t.sector, sector, "its sector size");
	is_int(t.last, 2, "its last partition");
	is_int(t.last_start, 3 * MIB, "where that begins");
	is_int(t.last_end, 4 * MIB, "where that ends");
	is_int(t.used, 4 * MIB, "where all end");
	is_int(t.min_len, 4 * MIB + BACKUP_SECTORS(sector) * sector, "what it needs");
	is_int(truncate("x", LEN + 3 * MIB + 100), 0, "the image grows");
	expect_odd(PTABLE_GPT, NULL, "a backup that is not at the end");
	is_int(truncate("x", 4 * MIB), 0, "the image loses its backup");
	expect_odd(PTABLE_GPT, NULL, "a missing backup");
	ok(t.used == 4 * MIB && t.min_len > 4 * MIB, "it needs more than the image has");
	is_int(truncate("x", 4 * MIB - sector), 0, "and then the last sector of a partition");
	expect_odd(PTABLE_GPT, "a partition that ends beyond the image", what);
	scratch_run("rm x; truncate -s 8M x; printf '%%s\\n' g w | fdisk -b %u x", sector);
	expect_odd(PTABLE_GPT, NULL, "a GPT without partitions");
	ok(t.used == 0 && t.last == 0 && t.min_len > MIB && t.min_len < 2 * MIB, what);
}

static void test_odd_gpt(unsigned sector)
{
	static const struct {
		const char *odd;
		unsigned off, width;
		uint64_t value;
	} change[] = {
		{ "a GPT of an unknown revision", 8, 4, 0x20000 },
		{ "a damaged GPT: no valid primary header", 24, 8, 2 },
		{ "a GPT with an impossible number or size of entries", 80, 4, 1025 },
		{ "a GPT with an impossible number or size of entries", 80, 4, 0 },
		{ "a GPT with an impossible number or size of entries", 84, 4, 8192 },
		{ "a GPT with an impossible number or size of entries", 84, 4, 192 },
		{ "a GPT with an impossible area for partitions", 48, 8, UINT64_MAX },
		{ "a GPT with an impossible area for partitions", 48, 8, 1 },
		{ "a GPT whose entries are not before its partitions", 72, 8, 1 },
		{ "a GPT whose entries are not before its partitions", 72, 8, UINT64_MAX },
		{ "a damaged GPT: the checksum of its entries is wrong", 88, 4, 1 },
		{ "a damaged GPT: the checksum of its entries is wrong", 72, 8, 3 },
	};
	uint64_t last = LEN / sector - 1;
	size_t i;

	for (i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		gpt_image_make(sector, LEN);
		gpt_image_set("x", sector, 1, change[i].off, change[i].width, change[i].value);
		expect_odd(PTABLE_GPT, change[i].odd, change[i].odd);
	}
	for (i = 40; i <= 48; i += 8) {
		gpt_image_make(sector, LEN);
		gpt_image_set("x", sector, 1, (unsigned)i, 8, 3 * MIB / sector);
		expect_odd(PTABLE_GPT, "a GPT with a partition outside of its area for them",
			"the area begins or ends in the middle");
	}
	gpt_image_make(sector, LEN);
	gpt_image_set("x", sector, 1, 40, 8, last + 1);
	gpt_image_set("x", sector, 1, 48, 8, UINT64_C(1) << 40);
	expect_odd(PTABLE_GPT, "a GPT with an impossible area for partitions",
		"the area begins behind the image");
	gpt_image_make(sector, LEN);
	gpt_image_put("x", &(uint8_t){ 1 }, 1, sector + 60);
	expect_odd(PTABLE_GPT, "a damaged GPT: no valid primary header", "a wrong checksum");
	gpt_image_make(sector, LEN);
	gpt_image_set("x", sector, last, 56, 8, 7);
	expect_odd(PTABLE_GPT, "a GPT whose backup differs from it", "a backup of another disk");
	gpt_image_put("x", &(uint8_t){ 1 }, 1, last * sector + 60);
	expect_odd(PTABLE_GPT, NULL, "a damaged backup");
}

/* Changes an entry, and the checksums with it. */
static void set_entry(unsigned sector, unsigned i, unsigned off, uint64_t value)
{
	uint8_t e[128 * 128];

	gpt_image_get("x", e, sizeof(e), 2 * sector);
	put_le64(e + i * 128 + off, value);
	gpt_image_put("x", e, sizeof(e), 2 * sector);
	gpt_image_set("x", sector, 1, 88, 4, libdeflate_crc32(0, e, sizeof(e)));
}

static void test_odd_entries(unsigned sector)
{
	unsigned mib = MIB / sector;

	gpt_image_make(sector, LEN);
	set_entry(sector, 0, 40, 2 * mib);
	expect_odd(PTABLE_GPT, "overlapping partitions", "partitions that share a sector");
	gpt_image_make(sector, LEN);
	set_entry(sector, 0, 40, mib - 1);
	expect_odd(PTABLE_GPT, "a GPT with a partition outside of its area for them", "ends first");
	gpt_image_make(sector, LEN);
	set_entry(sector, 1, 40, LEN / sector - 1);
	expect_odd(
		PTABLE_GPT, "a GPT with a partition outside of its area for them", "on the backup");
	gpt_image_make(sector, LEN);
	set_entry(sector, 1, 40, UINT64_MAX);
	expect_odd(PTABLE_GPT, "a GPT with a partition outside of its area for them", "2^64");
	gpt_image_make(sector, LEN);
	set_entry(sector, 1, 48, 4);
	expect_odd(PTABLE_GPT, "a GPT whose backup differs from it", "another attribute");
}

static void test_odd_mbr(void)
{
	static const uint8_t entry[16] = { 0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0 };
	uint8_t copy[4096];

	gpt_image_make(512, LEN);
	gpt_image_put("x", entry, 16, 446 + 16);
	expect_odd(PTABLE_GPT, "a hybrid MBR", "a hybrid MBR");
	gpt_image_put("x", entry, 16, 446);
	expect_odd(PTABLE_DOS, "a DOS table and a GPT", "a DOS table over a GPT");
	gpt_image_make(512, LEN);
	gpt_image_put("x", &(uint8_t){ 2 }, 1, 446 + 8);
	expect_odd(
		PTABLE_GPT, "a damaged GPT: its protective MBR is not valid", "begins elsewhere");
	gpt_image_put("x", &(uint8_t){ 0 }, 1, 510);
	expect_odd(PTABLE_GPT, "a damaged GPT: it has no protective MBR", "no signature");
	gpt_image_make(512, LEN);
	is_int(scratch_run("dd if=/dev/zero of=x bs=512 seek=1 count=33 conv=notrunc"), 0, "zeros");
	expect_odd(PTABLE_GPT, "a damaged GPT: no valid primary header", "only the backup");
	is_int(scratch_run("dd if=/dev/zero of=x bs=512 count=1 conv=notrunc"), 0, "zeros");
	expect_odd(PTABLE_NONE, NULL, "only a backup that a former table left");
	gpt_image_make(4096, LEN);
	gpt_image_get("x", copy, 4096, 4096);
	gpt_image_make(512, LEN);
	/* Its own entries are there, so their checksum becomes wrong, too. */
	gpt_image_put("x", copy, 512, 4096);
	expect_odd(PTABLE_GPT, "two GPTs, of 512 and of 4096 byte sectors", "two headers");
}

static void make_dos(const char *lines)
{
	scratch_run("rm -f x; truncate -s 40M x; printf '%s' | sfdisk -q --label dos x", lines);
}

static void test_dos(void)
{
	static const char logical[] = "2048,2048\\nstart=8192,size=40960,type=5\\n"
				      "start=10240,size=4096\\nstart=16384,size=8192\\n";

	make_dos(logical);
	expect_odd(PTABLE_DOS, NULL, "a DOS table with logical partitions");
	ok(t.sector == 512 && t.last == 6, "the last one");
	is_int(t.last_start, 16384 * 512, "where it begins");
	is_int(t.last_end, 24576 * 512, "where it ends");
	ok(t.used == 49152 * 512 && t.min_len == t.used, "the extended one ends later");
	is_int(truncate("x", 49152 * 512), 0, "the image is cut to that");
	expect_odd(PTABLE_DOS, NULL, "this still fits");
	is_int(truncate("x", 49151 * 512), 0, "the image is cut into it");
	expect_odd(PTABLE_DOS, "a partition that ends beyond the image", "this does not");
	make_dos("2048,2048\\nstart=8192,size=40960,type=f\\n");
	expect_odd(PTABLE_DOS, NULL, "an extended partition without a logical one");
	ok(t.last == 1 && t.used == 49152 * 512, "counts with its end");
	make_dos("label: dos\\n");
	expect_odd(PTABLE_DOS, NULL, "an empty DOS table");
	ok(t.used == 0 && t.last == 0 && t.min_len == 512, "uses nothing");
	make_dos("2048,2048\\n4096,2048\\n");
	scratch_patch("x", 446 + 8, "\1\10", 2);
	expect_odd(PTABLE_DOS, "overlapping partitions", "primary ones");

	make_dos(logical); /* the second logical one has its record at 14336 or so */
	scratch_patch("x", 8192 * 512 + 446 + 16 + 8, "\0\0\0\0", 4);
	expect_odd(PTABLE_DOS, "too many logical partitions", "a chain that is a loop");
	scratch_patch("x", 8192 * 512 + 446 + 16 + 8, "\377\377\377\377", 4);
	expect_odd(PTABLE_DOS, "a logical partition outside of the extended one", "a far link");
	scratch_patch("x", 8192 * 512 + 446 + 16 + 8, "\0\100\0\0", 4);
	expect_odd(
		PTABLE_DOS, "a damaged DOS table: a chain of logical partitions is broken", "link");
	make_dos(logical);
	scratch_patch("x", 8192 * 512 + 446 + 12, "\377\377\377\377", 4);
	expect_odd(PTABLE_DOS, "a logical partition outside of the extended one", "a long one");
}

static void test_none(void)
{
	static const char *const make[] = { "mkfs.vfat -F 12 x", "mkfs.vfat -F 16 x",
		"mkfs.vfat -F 32 x", "mkfs.exfat x", "mkfs.ext4 -qF x", "true",
		"printf 'p' | tee x", "true >x", "dd if=/dev/urandom of=x bs=64k count=8",
		"printf '\\353\\122\\220NTFS    ' | dd of=x conv=notrunc; printf '\\125\\252' |"
		" dd of=x bs=1 seek=510 conv=notrunc" };
	size_t i;

	for (i = 0; i < sizeof(make) / sizeof(make[0]); i++) {
		is_int(scratch_run("rm -f x; truncate -s 40M x; %s", make[i]), 0, make[i]);
		expect_odd(PTABLE_NONE, NULL, make[i]);
	}
}

/* Each number of the header and of an entry becomes each of these. */
static void test_numbers(void)
{
	static const struct {
		unsigned off, width;
	} field[] = { { 12, 4 }, { 24, 8 }, { 32, 8 }, { 40, 8 }, { 48, 8 }, { 72, 8 }, { 80, 4 },
		{ 84, 4 }, { 88, 4 } };
	uint64_t value[70];
	size_t i, j, n = 0, odd = 0;
	int fd;

	for (i = 0; i < 64; i++)
		value[n++] = UINT64_C(1) << i;
	value[n++] = 0;
	value[n++] = UINT64_MAX;
	value[n++] = UINT64_MAX / 512;
	value[n++] = INT64_MAX / 512;
	gpt_image_make(512, LEN);
	scratch_run("cp x whole");
	fd = open("x", O_RDWR | O_CLOEXEC);
	for (i = 0; i < 2 * n + n * sizeof(field) / sizeof(field[0]); i++) {
		j = i / n;
		if (j < 2)
			set_entry(512, 1, j ? 32 : 40, value[i % n]);
		else
			gpt_image_set(
				"x", 512, 1, field[j - 2].off, field[j - 2].width, value[i % n]);
		err_clear();
		if (ptable_read(&t, fd, LEN) < 0 ||
			(!t.odd && (t.used > LEN || t.kind != PTABLE_GPT)))
			break;
		odd += t.odd != NULL;
		if (!t.odd && ptable_fit(&t, fd, LEN, t.min_len) < 0)
			break;
		gpt_image_restore("x", "whole");
	}
	close(fd);
	is_int(i, 2 * n + n * sizeof(field) / sizeof(field[0]), "all hostile numbers are survived");
	ok(odd > n, "and most are odd");
}

int main(void)
{
	scratch_open();
	test_gpt(512);
	test_gpt(4096);
	test_odd_gpt(512);
	test_odd_gpt(4096);
	test_odd_entries(512);
	test_odd_entries(4096);
	test_odd_mbr();
	test_dos();
	test_none();
	test_numbers();
	scratch_close(tap_failed);
	return tap_done();
}
