/*
 * fs_extent: damaged, truncated and hostile superblocks.  Fails if e2fsprogs, xfsprogs,
 * btrfs-progs or util-linux is missing.
 */
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/format/crc32c.h"
#include "tests/unit/extents.h"

#define EXT 1024 /* where the superblocks begin */
#define BTRFS 65536

static void patch_le(long off, uint64_t v, unsigned size)
{
	uint8_t byte[8];
	unsigned i;

	for (i = 0; i < size; i++)
		byte[i] = (uint8_t)(v >> 8 * i);
	scratch_patch("x", off, byte, size);
}

static void patch_be(long off, uint64_t v, unsigned size)
{
	uint8_t byte[8];
	unsigned i;

	for (i = 0; i < size; i++)
		byte[i] = (uint8_t)(v >> 8 * (size - 1 - i));
	scratch_patch("x", off, byte, size);
}

/* Makes the checksum of the superblock in "x" right again. */
static void seal(const char *type)
{
	static uint8_t sb[4096];
	int fd = open("x", O_RDONLY | O_CLOEXEC);

	if (strcmp(type, "ext4") == 0) {
		ok(pread(fd, sb, 1020, EXT) == 1020, "seal");
		patch_le(EXT + 1020, crc32c_add(CRC32C_INIT, sb, 1020), 4);
	} else if (strcmp(type, "xfs") == 0) {
		ok(pread(fd, sb, 512, 0) == 512, "seal");
		memset(sb + 224, 0, 4);
		patch_le(224, ~crc32c_add(CRC32C_INIT, sb, 512), 4);
	} else {
		ok(pread(fd, sb, 4096, BTRFS) == 4096, "seal");
		patch_le(BTRFS, ~crc32c_add(CRC32C_INIT, sb + 32, 4096 - 32), 4);
	}
	close(fd);
}

#define LE 1
#define BE 0

static const struct hostile {
	const char *type;
	int order;
	long off;
	uint64_t value;
	unsigned size;
} hostile[] = {
	{ "ext4", LE, EXT + 0x4, 0, 4 }, /* blocks: none, more, fewer */
	{ "ext4", LE, EXT + 0x4, UINT32_MAX, 4 },
	{ "ext4", LE, EXT + 0x4, 1000, 4 },
	{ "ext4", LE, EXT + 0x150, UINT32_MAX, 4 }, /* the upper half */
	{ "ext4", LE, EXT + 0x18, 7, 4 },	    /* the size of blocks and clusters */
	{ "ext4", LE, EXT + 0x18, UINT32_MAX, 4 },
	{ "ext4", LE, EXT + 0x14, 2, 4 }, /* the first block */
	{ "ext4", LE, EXT + 0x14, UINT32_MAX, 4 },
	{ "ext4", LE, EXT + 0x20, 0, 4 }, /* blocks and inodes in a group */
	{ "ext4", LE, EXT + 0x20, UINT32_MAX, 4 },
	{ "ext4", LE, EXT + 0x28, 0, 4 },
	{ "ext4", LE, EXT + 0x28, UINT32_MAX, 4 },
	{ "ext4", LE, EXT + 0xfe, 0, 2 }, /* the size of descriptors: e2fsck 1.47 crashes */
	{ "ext4", LE, EXT + 0xfe, 96, 2 },
	{ "ext4", LE, EXT + 0xfe, 2048, 2 },
	{ "ext4", LE, EXT + 0x60, 0x80000000u, 4 }, /* an unknown feature */
	{ "ext4", LE, EXT + 0x175, 2, 1 },	    /* an unknown checksum */
	{ "xfs", BE, 4, 0, 4 },
	{ "xfs", BE, 4, 8192, 4 }, /* not what its logarithm says */
	{ "xfs", BE, 8, 0, 8 },
	{ "xfs", BE, 8, UINT64_MAX, 8 },
	{ "xfs", BE, 8, 1000, 8 }, /* fewer blocks than groups are filled with */
	{ "xfs", BE, 84, 0, 4 },
	{ "xfs", BE, 88, 0, 4 },
	{ "xfs", BE, 88, UINT32_MAX, 4 },
	{ "xfs", BE, 100, 3, 2 },
	{ "xfs", BE, 102, 0, 2 },
	{ "xfs", BE, 102, 65535, 2 },
	{ "xfs", BE, 120, 76, 1 },
	{ "xfs", BE, 126, 1, 1 },
	{ "xfs", BE, 216, 0x200, 4 }, /* a part of the device that is not in the count */
	{ "btrfs", LE, BTRFS + 0x30, 67108864, 8 },
	{ "btrfs", LE, BTRFS + 0x38, 1ull << 33, 8 },
	{ "btrfs", LE, BTRFS + 0x70, UINT64_MAX, 8 },
	{ "btrfs", LE, BTRFS + 0x88, 0, 8 },
	{ "btrfs", LE, BTRFS + 0x88, 2, 8 },
	{ "btrfs", LE, BTRFS + 0x90, 0, 4 },
	{ "btrfs", LE, BTRFS + 0x90, 12288, 4 },
	{ "btrfs", LE, BTRFS + 0xc4, 4, 2 },
	{ "btrfs", LE, BTRFS + 0xd1, 0, 8 },
};

/* Numbers that contradict each other, in a superblock whose checksum is right. */
static void test_hostile(const char *type)
{
	struct fs_extent e;
	char what[100];
	size_t i;

	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		const struct hostile *h = &hostile[i];

		if (strcmp(h->type, type) != 0)
			continue;
		snprintf(what, sizeof(what), "%s, at %ld: %llx", type, h->off,
			(unsigned long long)h->value);
		is_int(scratch_run("cp good x"), 0, what);
		if (h->order == LE)
			patch_le(h->off, h->value, h->size);
		else
			patch_be(h->off, h->value, h->size);
		seal(type);
		e = extents_measure("x", 0, type);
		extents_unknown(&e, type, what);
	}
}

/* Prefixes, and a changed byte in places that the checksum covers. */
static void test_damaged(const char *type, long off, long size)
{
	struct fs_extent e;
	uint8_t byte;
	long at;
	int fd;

	is_int(scratch_run("cp good x"), 0, type);
	for (at = 1; at <= off + size; at += at < off ? 4093 : 101) {
		e = extents_measure("x", (uint64_t)at, type);
		extents_unknown(&e, type, "truncated");
	}
	for (at = off; at < off + size; at += 37) {
		fd = open("x", O_RDONLY | O_CLOEXEC);
		ok(pread(fd, &byte, 1, at) == 1, "damaged");
		close(fd);
		patch_le(at, byte ^ 0x10u, 1);
		e = extents_measure("x", 0, type);
		extents_unknown(&e, type, "damaged");
		if (at - off > 50 && at - off < 600) { /* behind its magic */
			e = extents_measure("x", 0, NULL);
			extents_unknown(&e, type, "damaged, and probed");
		}
		patch_le(at, byte, 1);
	}
	e = extents_measure("x", 0, NULL);
	is_int(e.measured, FS_MEASURED, "repaired");
}

static void test_superblocks(void)
{
	struct fs_extent e;

	scratch_run(
		"rm -f x; truncate -s 99999999 x && mkfs.ext4 -q -b 1024 -O metadata_csum,64bit x"
		" && head -c 1M x >good");
	is_int(extents_measure("x", 4096, "ext4").bytes, 99999744, "longer than its image");
	test_hostile("ext4");
	test_damaged("ext4", EXT, 1024);
	is_int(scratch_run("rm -f x; truncate -s 345678901 x && mkfs.xfs -q x && "
			   "head -c 1M x >good"),
		0, "xfs");
	test_hostile("xfs");
	test_damaged("xfs", 0, 512);
	is_int(scratch_run("rm -f x; truncate -s 145678901 x && mkfs.btrfs -q x && "
			   "head -c 1M x >good"),
		0, "btrfs");
	test_hostile("btrfs");
	test_damaged("btrfs", BTRFS + 32, 4096 - 32);

	/* 2^32 blocks and more, as the tool would take too long to make. */
	scratch_run("rm -f x; truncate -s 33333777 x && "
		    "mkfs.ext4 -q -b 1024 -O metadata_csum,64bit x");
	patch_le(EXT + 0x4, 5, 4);
	patch_le(EXT + 0x150, 1, 4);
	patch_le(EXT + 0x28, 8, 4);
	patch_le(EXT, 8 * (0x100000004ull / 8192 + 1), 4);
	patch_le(EXT + 0x60, 0x2c6, 4); /* it has to be replayed, too */
	seal("ext4");
	e = extents_measure("x", 0, NULL);
	is_int(e.measured, FS_MEASURED, "2^32 blocks");
	is_int(e.bytes, 0x100000005ll * 1024, "2^32 blocks");
	ok(e.needs_replay, "its journal is not replayed");

	/* Swap of a machine with the other byte order, which older tools cannot make. */
	scratch_run("rm -f x; truncate -s 33333777 x && mkswap x");
	patch_be(1024, 1, 4);
	patch_be(1028, 8137, 4);
	e = extents_measure("x", 0, "swap");
	ok(e.measured == FS_MEASURED && e.bytes == 8138 * 4096 && e.block == 4096,
		"big-endian swap");
}

static void test_errors(void)
{
	struct probe p = { .fs_type = "ext4" };
	struct fs_extent e;
	int fd = open("x", O_WRONLY | O_CLOEXEC);

	ok(fs_extent_read(&e, fd, 0, 4096, &p) == -1 && err_status() == ST_FAILED, "unreadable");
	err_clear();
	ok(fs_extent_read(&e, fd, 1, UINT64_MAX, &p) == -1 && err_status() == ST_CORRUPT,
		"an impossible length");
	err_clear();
	ok(fs_extent_read(&e, fd, UINT64_MAX, 1, NULL) == -1 && err_status() == ST_CORRUPT,
		"an impossible offset");
	close(fd);
	is_int(crc32c_add(CRC32C_INIT, "123456789", 9) ^ UINT32_MAX, 0xe3069283, "crc32c");
}

int main(void)
{
	scratch_open();
	test_superblocks();
	test_errors();
	scratch_close(tap_failed);
	return tap_done();
}
