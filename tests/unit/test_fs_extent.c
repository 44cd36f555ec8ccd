/*
 * fs_extent: filesystems made by their own tools, compared with what these say of them.  Fails if
 * e2fsprogs, xfsprogs, btrfs-progs, exfatprogs, squashfs-tools or util-linux is missing.
 */
#include <stdint.h>

#include "tests/unit/extents.h"

#define EXT_BYTES                                                                                  \
	"dumpe2fs -h x 2>>log | awk '/^Block count:/ { c = $3 } /^Block size:/ { b = $3 } "        \
	"END { printf \"%.0f %.0f\", c * b, b }'"
#define XFS_BYTES                                                                                  \
	"xfs_db -r -c 'sb 0' -c 'p dblocks blocksize' x 2>>log | awk '/^dblocks/ { c = $3 } "      \
	"/^blocksize/ { b = $3 } END { printf \"%.0f %.0f\", c * b, b }'"
#define BTRFS_BYTES                                                                                \
	"btrfs inspect-internal dump-super x 2>>log | awk '/^dev_item.total_bytes/ { c = $2 } "    \
	"/^sectorsize/ { b = $2 } END { printf \"%s %s\", c, b }'"
#define SWAP_BYTES(page)                                                                           \
	"sed -n 's/.*size = .*(\\([0-9]*\\) bytes).*/\\1/p' made | awk '{ printf \"%.0f " page     \
	"\", $1 + " page " }'"

/* The beginning of "x", at off in a file that goes on behind it. */
static void compare_at(uint64_t off, const struct fs_extent *want, uint64_t len, const char *what)
{
	struct fs_extent e;
	struct probe p;
	int fd;

	is_int(scratch_run("rm -f y && truncate -s %llu y && "
			   "dd if=x of=y bs=1M count=1 seek=%llu oflag=seek_bytes "
			   "conv=sparse,notrunc && "
			   "head -c 100000 /dev/urandom >>y",
		       (unsigned long long)(off + len), (unsigned long long)off),
		0, what);
	fd = open("y", O_RDONLY | O_CLOEXEC);
	is_int(probe_range(fd, off, len, &p), 0, what);
	is_str(p.fs_type, want->type, what);
	is_int(fs_extent_read(&e, fd, off, len, &p), 0, what);
	ok(e.measured == FS_MEASURED && e.bytes == want->bytes && e.block == want->block, what);
	close(fd);
}

static const struct sample {
	const char *what, *size, *make, *type, *judge;
} samples[] = {
	{ "ext2, 1 KiB", "33333777", "mkfs.ext2 -q -b 1024 x", "ext2", EXT_BYTES },
	{ "ext2, revision 0", "33333777", /* the second is since e2fsprogs 1.47.1 */
		"mkfs.ext2 -q -r 0 x 2>>log || mkfs.ext2 -q -E revision=0 x", "ext2", EXT_BYTES },
	{ "ext3, 4 KiB", "33333777", "mkfs.ext3 -q -b 4096 x", "ext3", EXT_BYTES },
	{ "ext4, 1 KiB", "33333777", "mkfs.ext4 -q -b 1024 x", "ext4", EXT_BYTES },
	{ "ext4, 4 KiB", "1234567890", "mkfs.ext4 -q -b 4096 x", "ext4", EXT_BYTES },
	{ "ext4, not all", "33333777", "mkfs.ext4 -q x 20001k", "ext4", EXT_BYTES },
	{ "ext4, 64bit", "333337777", "mkfs.ext4 -q -O 64bit,metadata_csum x", "ext4", EXT_BYTES },
	{ "ext4, not 64bit", "333337777", "mkfs.ext4 -q -O ^64bit x", "ext4", EXT_BYTES },
	{ "ext4, no checksum", "33333777", "mkfs.ext4 -q -O ^metadata_csum x", "ext4", EXT_BYTES },
	{ "ext4, bigalloc", "333337777", "mkfs.ext4 -q -O bigalloc -C 65536 x", "ext4", EXT_BYTES },
	{ "ext4, bigalloc, 1 KiB", "333337777", "mkfs.ext4 -q -b 1024 -O bigalloc -C 16384 x",
		"ext4", EXT_BYTES },
	{ "ext4, inline_data", "33333777", "mkfs.ext4 -q -O inline_data x", "ext4", EXT_BYTES },
	{ "ext4, meta_bg and the like", "333337777",
		"mkfs.ext4 -q -O meta_bg,^resize_inode,sparse_super2,quota,encrypt,casefold x",
		"ext4", EXT_BYTES },
	{ "ext4, no journal", "33333777", "mkfs.ext4 -q -O ^has_journal x", "ext4", EXT_BYTES },
	{ "xfs", "345678901", "mkfs.xfs -q x", "xfs", XFS_BYTES },
	{ "xfs, 1 KiB", "345678901", "mkfs.xfs -q -b size=1024 x", "xfs", XFS_BYTES },
	{ "xfs, sectors of 4 KiB", "345678901", "mkfs.xfs -q -s size=4096 x", "xfs", XFS_BYTES },
	{ "xfs, large groups", "3456789012345", "mkfs.xfs -q -d agcount=4 x", "xfs", XFS_BYTES },
	{ "btrfs", "145678901", "mkfs.btrfs -q x", "btrfs", BTRFS_BYTES },
	{ "btrfs, mixed", "45678901", "mkfs.btrfs -q -M x", "btrfs", BTRFS_BYTES },
	{ "btrfs, xxhash", "145678901", "mkfs.btrfs -q --csum xxhash x", "btrfs", BTRFS_BYTES },
	{ "btrfs, sha256", "145678901", "mkfs.btrfs -q --csum sha256 x", "btrfs", BTRFS_BYTES },
	{ "swap, 4 KiB", "33333777", "mkswap -p 4096 x >made", "swap", SWAP_BYTES("4096") },
	{ "swap, 64 KiB", "33333777", "mkswap -p 65536 x >made", "swap", SWAP_BYTES("65536") },
	{ "exfat", "33333777", "mkfs.exfat x", "exfat",
		"dump.exfat x | sed -n 's/^Volume Length(sectors):[^0-9]*//p' | "
		"awk '{ printf \"%.0f 512\", $1 * 512 }'" },
	{ "squashfs", "0", "mkdir -p d && seq 5000 >d/f && mksquashfs d x -noappend -nopad",
		"squashfs", "stat -c '%s 131072' x" },
};

static void test_samples(void)
{
	char got[80];
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		struct fs_extent e;

		is_int(scratch_run("export LC_ALL=C; rm -f x && truncate -s %s x && %s", s->size,
			       s->make),
			0, s->what);
		e = extents_measure("x", 0, NULL);
		is_int(e.measured, FS_MEASURED, s->what);
		is_str(e.type, s->type, s->what);
		ok(!e.needs_replay, s->what);
		snprintf(got, sizeof(got), "%llu %u", (unsigned long long)e.bytes, e.block);
		is_str(got, scratch_get(NULL, "%s", s->judge), s->what);
		if (e.bytes < 1ull << 32) {
			struct probes_file f = probes_open("x");

			close(f.fd);
			compare_at(1049088, &e, f.len, s->what);
			compare_at(512, &e, f.len, s->what);
		}
	}
	/* The tool may have stopped making this format. */
	if (scratch_run("rm -f x && truncate -s 345678901 x && mkfs.xfs -q -m crc=0 x") == 0) {
		struct fs_extent e = extents_measure("x", 0, NULL);

		is_int(e.measured, FS_MEASURED, "xfs, version 4");
		snprintf(got, sizeof(got), "%llu %u", (unsigned long long)e.bytes, e.block);
		is_str(got, scratch_get(NULL, "%s", XFS_BYTES), "xfs, version 4");
	}
}

/* What cannot be measured, and nothing at all. */
static void test_unknown(void)
{
	static const struct {
		const char *what, *make, *type;
	} sample[] = {
		{ "LUKS", "printf 'LUKS\\272\\276\\000\\001' | dd of=x conv=notrunc",
			"crypto_LUKS" },
		{ "LVM",
			"printf 'LABELONE' | dd of=x conv=notrunc bs=1 seek=512; "
			"printf 'LVM2 001' | dd of=x conv=notrunc bs=1 seek=536",
			"LVM2_member" },
		{ "NTFS", "printf 'xxxNTFS    ' | dd of=x conv=notrunc", "ntfs" },
		{ "f2fs", "printf '\\020\\040\\365\\362' | dd of=x conv=notrunc bs=1 seek=1024",
			"f2fs" },
		{ "a hibernated guest",
			"mkswap x && printf S1SUSPEND | dd of=x conv=notrunc bs=1 seek=4086",
			"swsuspend" },
		{ "swap with pages of two sizes",
			"mkswap -p 4096 x && printf SWAPSPACE2 | dd of=x conv=notrunc bs=1 "
			"seek=16374",
			"swap" },
		{ "swap without pages",
			"mkswap x && printf '\\0\\0\\0\\0' | dd of=x conv=notrunc bs=1 seek=1028",
			"swap" },
		{ "a journal of its own", "mke2fs -q -O journal_dev -b 4096 x", "jbd" },
		{ "btrfs of two devices", "cp x z && mkfs.btrfs -q -f -d raid0 x z", "btrfs" },
		{ "several",
			"mkfs.ext4 -q x && printf '\\001CD001\\001' | "
			"dd of=x bs=1 seek=32768 conv=notrunc",
			PROBE_AMBIGUOUS },
	};
	struct fs_extent e;
	size_t i;

	for (i = 0; i < sizeof(sample) / sizeof(sample[0]); i++) {
		is_int(scratch_run("rm -f x && truncate -s 145678901 x && { %s; }", sample[i].make),
			0, sample[i].what);
		e = extents_measure("x", 0, NULL);
		extents_unknown(&e, sample[i].type, sample[i].what);
	}
	is_int(scratch_run("rm -f x && truncate -s 33333777 x"), 0, "zeros");
	e = extents_measure("x", 0, NULL);
	ok(e.measured == FS_NONE && !e.type[0] && e.bytes == 0, "zeros are none");
	e = extents_measure("x", 1, NULL);
	ok(e.measured == FS_NONE && !e.type[0], "a single byte is none");
	is_int(scratch_run("yes 'no filesystem' | head -c 3333377 >x"), 0, "text");
	e = extents_measure("x", 0, NULL);
	ok(e.measured == FS_NONE && !e.type[0], "text is none");
}

int main(void)
{
	scratch_open();
	test_samples();
	test_unknown();
	scratch_close(tap_failed);
	return tap_done();
}
