/*
 * probe: compared with blkid, on images made by e2fsprogs, mkswap and sfdisk, and on
 * archives made by lzop.  Fails if one of these is missing.
 */
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/block/digest.h"
#include "lib/format/probe.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define IMAGE_LEN (48u << 20) /* the copy of a table at its end is far beyond what is decoded */

static const struct policy no_limits = POLICY_INIT;

static void open_image(struct image *img, const char *name)
{
	if (image_open(img, &no_limits, name) < 0) {
		printf("# cannot open %s: %s\n", name, err_text());
		exit(99);
	}
}

static const char *blkid(const char *name, const char *tag)
{
	return scratch_get(NULL, "blkid -p -o value -s %s %s 2>>log", tag, name);
}

static void compare(const struct probe *p, const char *name, const char *what)
{
	static const char *const tag[] = { "TYPE", "LABEL", "UUID", "PTTYPE" };
	const char *const got[] = { p->fs_type, p->fs_label, p->fs_uuid, p->partitions };
	size_t i;

	char text[200];

	for (i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "%s: %s", what, tag[i]);
		is_str(got[i], blkid(name, tag[i]), text);
	}
}

static void probe_file(const char *name, struct probe *p)
{
	struct image img;

	memset(p, 0x55, sizeof(*p));
	open_image(&img, name);
	is_int(probe_fd(img.fd, img.len, p), 0, name);
	image_close(&img);
}

/* The same image as an archive made by lzop. */
static void compare_archive(const char *options, const char *name, const char *what)
{
	struct probe_archive a;
	const char *format = NULL;
	struct image img;
	struct probe p;
	char text[200];

	is_int(scratch_run("lzop %s -c %s >%s.lzo", options, name, name), 0, "lzop");
	snprintf(text, sizeof(text), "%s.lzo", name);
	open_image(&img, text);
	snprintf(text, sizeof(text), "%s in lzop %s", what, options);
	is_int(probe_is_archive(&img), 1, text);
	ok(probe_archive_open(&img, &a) == 0 && a.len == IMAGE_LEN && a.is_whole, text);
	memset(&p, 0x55, sizeof(p));
	ok(probe_archive(&img, &a, &p, &format) == 0 && format && strcmp(format, "raw") == 0, text);
	compare(&p, name, text);
	image_close(&img);
}

static void test_content(void)
{
	static const struct {
		const char *what, *make;
		const char *type, *partitions; /* expected results, in our wording */
	} sample[] = {
		{ "ext4", "mkfs.ext4 -q -L 'a label' x", "ext4", "" },
		{ "ext3", "mkfs.ext3 -q x", "ext3", "" },
		{ "ext2", "mkfs.ext2 -q -L \"$(printf 'q\\033\"\\\\')\" x", "ext2", "" },
		{ "swap", "mkswap -L store x", "swap", "" },
		{ "dos", "echo 2048, | sfdisk -q --label dos x", "", "dos" },
		{ "gpt", "echo 2048, | sfdisk -q --label gpt x", "", "gpt" },
		{ "ext4 and dos", "mkfs.ext4 -q x && echo 2048, | sfdisk -q --force --label dos x",
			"ext4", "dos" },
		{ "LUKS", "printf 'LUKS\\272\\276\\000\\001' | dd of=x conv=notrunc", "crypto_LUKS",
			"" },
		{ "sgi", "echo 2048, | sfdisk -q --label sgi x", "", NULL },
		{ "zeros", "true", "", "" },
		{ "noise", "dd if=/dev/urandom of=x bs=64k count=80 conv=notrunc", "", "" },
	};
	struct probe p;
	size_t i;

	for (i = 0; i < sizeof(sample) / sizeof(sample[0]); i++) {
		is_int(scratch_run(
			       "rm -f x && truncate -s %u x && { %s; }", IMAGE_LEN, sample[i].make),
			0, sample[i].what);
		probe_file("x", &p);
		is_str(p.fs_type, sample[i].type, sample[i].what);
		if (!sample[i].partitions) {
			is_str(blkid("x", "PTTYPE"), sample[i].what, "blkid knows more tables");
			is_str(p.partitions, "", "and we tell of gpt and dos only");
			continue;
		}
		is_str(p.partitions, sample[i].partitions, sample[i].what);
		compare(&p, "x", sample[i].what);
		compare_archive("-1", "x", sample[i].what);
	}
	compare_archive("-9 --crc32 -CC", "x", "noise");
	compare_archive("--no-checksum", "x", "noise");
}

static void test_ambivalent(void)
{
	struct probe p;
	int status;

	is_int(scratch_run("rm -f x && truncate -s 16M x && mkfs.ext4 -q -L lost x && "
			   "printf '\\001CD001\\001' | dd of=x bs=1 seek=32768 conv=notrunc && "
			   "echo 2048, | sfdisk -q --force --label dos x"),
		0, "ambivalent: made");
	scratch_get(&status, "blkid -p x 2>>log");
	is_int(status, 8, "ambivalent: as blkid says");
	probe_file("x", &p);
	is_str(p.fs_type, "", "ambivalent: no type");
	is_str(p.fs_label, "", "ambivalent: no label");
	is_str(p.fs_uuid, "", "ambivalent: no uuid");
	is_str(p.partitions, "dos", "ambivalent: the table all the same");
}

static void test_probe_limits(void)
{
	struct probe p;
	int fd;

	scratch_run("rm -f x && truncate -s 16M x && mkfs.ext4 -q -L x x");
	fd = open("x", O_RDONLY | O_CLOEXEC);
	ok(probe_fd(fd, 16u << 20, &p) == 0 && strcmp(p.fs_type, "ext4") == 0, "length: all");
	ok(probe_fd(fd, 1024, &p) == 0 && !p.fs_type[0], "length: the superblock is beyond it");
	ok(probe_fd(fd, 0, &p) == 0 && !p.fs_type[0], "length: 0 finds nothing");
	ok(probe_fd(fd, UINT64_MAX, &p) == -1 && err_status() == ST_CORRUPT, "length: impossible");
	ok(probe_fd(fd, 32u << 20, &p) == -1 && err_status() == ST_FAILED,
		"length: longer than the file");
	close(fd);
	fd = open("x", O_WRONLY | O_CLOEXEC);
	err_clear();
	ok(probe_fd(fd, 16u << 20, &p) == -1 && err_status() != ST_OK, "one that cannot be read");
	close(fd);
	err_clear();
	ok(probe_fd(fd, 16u << 20, &p) == -1 && err_status() != ST_OK, "a descriptor that is none");
}

static void test_format(void)
{
	static const char *const raw[] = { "x", "tiny", "empty" };
	const char *format;
	struct image img;
	size_t i;

	scratch_run("qemu-img create -q -f qcow2 q 1M; printf 'QFI' >tiny; : >empty");
	open_image(&img, "q");
	format = NULL;
	ok(probe_format(&img, &format) == 0 && format && strcmp(format, "qcow2") == 0,
		"format: qcow2");
	is_int(probe_is_archive(&img), 0, "format: qcow2 is no archive");
	is_int(truncate("q", 2), 0, "format: cut it");
	ok(probe_format(&img, &format) == -1 && err_status() == ST_CORRUPT,
		"format: it has shrunk");
	ok(probe_is_archive(&img) == -1 && err_status() == ST_CORRUPT, "archive: it has shrunk");
	image_close(&img);
	for (i = 0; i < 3; i++) {
		open_image(&img, raw[i]);
		format = NULL;
		ok(probe_format(&img, &format) == 0 && format && strcmp(format, "raw") == 0,
			raw[i]);
		is_int(probe_is_archive(&img), 0, raw[i]);
		image_close(&img);
	}
}

static void test_qcow2_archive(void)
{
	struct probe_archive a;
	const char *format = NULL;
	struct image img;
	struct probe p;

	scratch_run("qemu-img convert -f raw -O qcow2 x q && lzop -c q >q.lzo");
	open_image(&img, "q.lzo");
	ok(probe_archive_open(&img, &a) == 0 && probe_archive(&img, &a, &p, &format) == 0,
		"qcow2 in an archive");
	is_str(format, "qcow2", "qcow2 in an archive: format");
	ok(!p.fs_type[0] && !p.partitions[0], "qcow2 in an archive: no search for a filesystem");
	image_close(&img);
}

static void test_lengths(void)
{
	static const unsigned len[] = { 0, 1, 3, 262143, 262144, 262145, 5000000, 4u << 20 };
	struct probe_archive a;
	const char *format;
	struct image img;
	struct probe p;
	char text[100];
	size_t i;

	for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		snprintf(text, sizeof(text), "an archive of %u bytes", len[i]);
		scratch_run("head -c %u /dev/urandom >r; rm -f r.lzo; lzop -o r.lzo r", len[i]);
		open_image(&img, "r.lzo");
		ok(probe_archive_open(&img, &a) == 0 && a.len == len[i] && a.is_whole, text);
		is_str(a.header.name, "r", text);
		ok(probe_archive(&img, &a, &p, &format) == 0 && !p.fs_type[0], text);
		image_close(&img);
	}
}

/* Measures an archive: the length of its image, or -1. */
static long long measure(const char *name, bool *is_whole)
{
	struct probe_archive a;
	struct image img;
	long long r;

	open_image(&img, name);
	err_clear();
	r = probe_archive_open(&img, &a) < 0 ? -1 : (long long)a.len;
	*is_whole = r >= 0 && a.is_whole;
	image_close(&img);
	return r;
}

static void test_damaged(void)
{
	uint8_t big[4] = { 0, 4, 0, 1 };
	long long len, before = 0;
	bool whole;
	long size, n;
	int wrong = 0;

	scratch_run("head -c 600000 /dev/urandom >r; lzop -fo r.lzo r; cat r.lzo r.lzo >two; "
		    "{ cat r.lzo; printf x; } >more; head -c 20 r.lzo >head; cp r.lzo cut");
	size = strtol(scratch_get(NULL, "stat -c %%s r.lzo"), NULL, 10);
	ok(measure("two", &whole) == 600000 && !whole, "damaged: two members");
	ok(measure("more", &whole) == 600000 && !whole, "damaged: a byte after the end");
	ok(measure("head", &whole) == -1 && err_status() == ST_CORRUPT,
		"damaged: cut in the header");
	for (n = size - 1; n > 100; n -= n > size - 40 ? 1 : 9973) {
		if (truncate("cut", n) < 0)
			break;
		len = measure("cut", &whole);
		if (whole || len < 0 || len > 600000 || (before && len > before))
			wrong++;
		before = len;
	}
	is_int(wrong, 0, "damaged: truncated anywhere, it is incomplete");
	is_int(before, 0, "damaged: no data of an earlier archive is used");

	scratch_run("cp r.lzo bad");
	scratch_patch("bad", 40, "\377", 1);
	ok(measure("bad", &whole) == -1 && err_status() == ST_CORRUPT,
		"damaged: the header's checksum");
	scratch_run("cp r.lzo bad");
	scratch_patch("bad", size - 4, big, 4);
	ok(measure("bad", &whole) == -1 && err_status() == ST_CORRUPT, "damaged: a block's header");
}

static void test_damaged_content(void)
{
	struct probe_archive a;
	const char *format;
	struct image img;
	struct probe p;
	uint32_t state = 1;
	int i, wrong = 0;
	char byte;

	scratch_run("lzop -fo x.lzo x; cp x.lzo bad");
	scratch_patch("bad", 2000, "\377\377\377\377\377\377\377\377", 8);
	open_image(&img, "bad");
	ok(probe_archive_open(&img, &a) == 0 && a.is_whole, "damaged content: not read to measure");
	ok(probe_archive(&img, &a, &p, &format) == -1 && err_status() == ST_CORRUPT,
		"damaged content: seen when unpacked");
	image_close(&img);
	scratch_run("cp x.lzo bad; truncate -s 3000 bad");
	open_image(&img, "bad");
	ok(probe_archive_open(&img, &a) == 0 && !a.is_whole &&
			probe_archive(&img, &a, &p, &format) == 0,
		"damaged content: of a truncated archive, the start is used");
	image_close(&img);
	for (i = 0; i < 300; i++) {
		scratch_run("cp x.lzo bad");
		state = state * 1664525 + 1013904223;
		byte = (char)(state >> 24);
		scratch_patch("bad", (long)(state >> 8) % 6000, &byte, 1);
		open_image(&img, "bad");
		if (probe_is_archive(&img) == 1 && probe_archive_open(&img, &a) == 0 &&
			probe_archive(&img, &a, &p, &format) < 0 && err_status() != ST_CORRUPT)
			wrong++;
		image_close(&img);
	}
	is_int(wrong, 0, "damaged content: one byte at a time");
}

/* An archive with our header and blocks made by lzop. */
static void save_own(const char *name, uint64_t length)
{
	struct buf b = BUF_INIT;
	struct hash digest;

	memset(&digest, 7, sizeof(digest));
	lzop_header_write(&b, "x", 0600, 1, length, &digest);
	scratch_save(name, b.data, b.len);
	buf_fini(&b);
	/* The header of lzop for a file: 34 bytes, its name, 4 bytes of checksum. */
	scratch_run("lzop -1 -c x | tail -c +%d >>%s", 34 + 1 + 4 + 1, name);
}

static void test_own(void)
{
	struct probe_archive a;
	const char *format = NULL;
	struct image img;
	struct probe p;

	save_own("own", 16u << 20);
	is_int(scratch_run("lzop -t own && lzop -dc own | cmp - x"), 0, "own: lzop reads it");
	open_image(&img, "own");
	ok(probe_archive_open(&img, &a) == 0 && a.header.has_length && a.is_whole,
		"own: by its header");
	is_int(a.len, 16u << 20, "own: its length");
	is_int(probe_archive(&img, &a, &p, &format), 0, "own: content");
	compare(&p, "x", "own");
	image_close(&img);

	save_own("own", INT64_MAX);
	open_image(&img, "own");
	ok(probe_archive_open(&img, &a) == 0 && a.len == INT64_MAX, "own: a length that lies");
	ok(probe_archive(&img, &a, &p, &format) == 0 && strcmp(p.fs_type, "ext4") == 0,
		"own: and is not unpacked");
	image_close(&img);
	save_own("own", 1000);
	open_image(&img, "own");
	ok(probe_archive_open(&img, &a) == 0 && a.len == 1000 &&
			probe_archive(&img, &a, &p, &format) == 0 && !p.fs_type[0],
		"own: what is beyond its length does not count");
	image_close(&img);
	save_own("own", UINT64_MAX);
	open_image(&img, "own");
	ok(probe_archive_open(&img, &a) == 0 && !a.header.has_length && a.len == 16u << 20 &&
			a.is_whole,
		"own: length not known");
	image_close(&img);
}

/* Bytes that this process has read so far, from all files. */
static long long bytes_read(void)
{
	return strtoll(
		scratch_get(NULL, "sed -n 's/rchar: //p' /proc/%d/io", (int)getpid()), NULL, 10);
}

static void test_cost(void)
{
	struct probe_archive a;
	struct image img;
	long long before;

	scratch_run("head -c 32M /dev/urandom >r; lzop -1 -fo r.lzo r");
	open_image(&img, "r.lzo");
	before = bytes_read();
	ok(before > 0 && probe_archive_open(&img, &a) == 0 && a.len == 32u << 20, "cost: measured");
	ok(bytes_read() - before < (1 << 20), "cost: without reading the blocks");
	image_close(&img);
}

int main(void)
{
	scratch_open();
	test_content();
	test_ambivalent();
	test_probe_limits();
	test_format();
	test_qcow2_archive();
	test_own();
	test_lengths();
	test_damaged();
	test_damaged_content();
	test_cost();
	scratch_close(tap_failed);
	return tap_done();
}
