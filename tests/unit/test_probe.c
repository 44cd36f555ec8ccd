/*
 * probe: compared with blkid, on images made by e2fsprogs, mkswap and sfdisk, also in
 * archives made by lzop.  Fails if one of these is missing.
 */
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/format/content.h"
#include "tests/unit/probes.h"

#define IMAGE_LEN (48u << 20) /* the copy of a table at its end is far beyond what is decoded */

static void probe_file(const char *name, struct probe *p)
{
	struct probes_file f = probes_open(name);

	memset(p, 0x55, sizeof(*p));
	is_int(probe_fd(f.fd, f.len, p), 0, name);
	close(f.fd);
}

/* The same image as an archive made by lzop. */
static void compare_archive(const char *options, const char *name, const char *what)
{
	struct probes_file f;
	struct content c;
	struct probe p;
	char text[200];

	is_int(scratch_run("lzop %s -c %s >%s.lzo", options, name, name), 0, "lzop");
	snprintf(text, sizeof(text), "%s.lzo", name);
	f = probes_open(text);
	snprintf(text, sizeof(text), "%s in lzop %s", what, options);
	memset(&c, 0x55, sizeof(c));
	ok(content_read(&c, f.fd, f.len, false) == 0 && c.is_archive, text);
	ok(c.archive.len == IMAGE_LEN && c.archive.is_intact, text);
	is_str(c.format, "raw", text);
	memset(&p, 0x55, sizeof(p));
	is_int(archive_probe(&c.archive, f.fd, f.len, &p), 0, text);
	probes_compare(&p, name, text);
	close(f.fd);
}

static void test_samples(void)
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
			is_str(probes_blkid("x", "PTTYPE"), sample[i].what,
				"blkid knows more tables");
			is_str(p.partitions, "", "and we tell of gpt and dos only");
			continue;
		}
		is_str(p.partitions, sample[i].partitions, sample[i].what);
		probes_compare(&p, "x", sample[i].what);
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
	is_str(scratch_get(&status, "wipefs -n -i -O TYPE x | sort -u | paste -sd ' '"),
		"dos ext4 iso9660", "ambivalent: what wipefs finds");
	is_str(scratch_get(&status, "blkid -p x 2>>log"), "", "ambivalent: blkid chooses none");
	ok(status == 8 || status == 2, "ambivalent: as blkid says"); /* 2 since 2.41 */
	probe_file("x", &p);
	is_str(p.fs_type, "ambiguous", "ambivalent: not like none");
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

int main(void)
{
	scratch_open();
	test_samples();
	test_ambivalent();
	test_probe_limits();
	scratch_close(tap_failed);
	return tap_done();
}
