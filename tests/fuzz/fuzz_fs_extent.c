/*
 * Measures a filesystem whose superblock is arbitrary bytes.  The first byte of the input says
 * at how many KiB they are, the second what libblkid takes them for, and whether their
 * checksum is made right first, as no fuzzer finds that by trying.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/crc32c.h"
#include "lib/format/fs_extent.h"

#define FILE_MAX (128u << 10)
#define KIB_MAX 68
#define SEALED 0x80u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(bool good)
{
	if (!good)
		abort();
}

static void put_le32(uint8_t *p, uint32_t v)
{
	int i;

	for (i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* Makes the checksum of the superblock right that begins at sb. */
static void seal(const char *type, uint8_t *sb, size_t size)
{
	size_t sector;

	if (strncmp(type, "ext", 3) == 0 && size >= 1024)
		put_le32(sb + 1020, crc32c_add(CRC32C_INIT, sb, 1020));
	if (strcmp(type, "btrfs") == 0 && size >= 4096)
		put_le32(sb, ~crc32c_add(CRC32C_INIT, sb + 32, 4096 - 32));
	if (strcmp(type, "xfs") == 0 && size >= 512) {
		sector = (size_t)(sb[102] << 8 | sb[103]);
		if (sector < 512 || sector > size)
			return;
		memset(sb + 224, 0, 4);
		put_le32(sb + 224, ~crc32c_add(CRC32C_INIT, sb, sector));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "ext2", "ext3", "ext4", "ext4dev", "xfs", "btrfs",
		"swap", "exfat", "squashfs", "", "crypto_LUKS", PROBE_AMBIGUOUS };
	static uint8_t content[FILE_MAX];
	struct fs_extent e;
	struct probe p = { .fs_type = "" };
	size_t at;
	int fd;

	if (size < 2 || size > FILE_MAX - (KIB_MAX << 10))
		return 0;
	at = (size_t)(data[0] % KIB_MAX) << 10;
	strcpy(p.fs_type, types[(data[1] & ~SEALED) % (sizeof(types) / sizeof(types[0]))]);
	memcpy(content, data + 2, size - 2);
	if (data[1] & SEALED)
		seal(p.fs_type, content, size - 2);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz_check(fd >= 0 && io_pwrite(fd, content, size - 2, at) == 0);
	err_clear();
	memset(&e, 0x55, sizeof(e));
	fuzz_check(fs_extent_read(&e, fd, 0, at + size - 2, &p) == 0);
	close(fd);
	fuzz_check((e.measured == FS_NONE) == !e.type[0]);
	fuzz_check(!p.fs_type[0] || strcmp(e.type, p.fs_type) == 0);
	if (e.measured == FS_MEASURED) {
		fuzz_check(e.bytes > 0 && e.bytes <= INT64_MAX && p.fs_type[0]);
		fuzz_check(e.block >= 512 && (e.block & (e.block - 1)) == 0);
	} else {
		fuzz_check(e.bytes == 0 && e.block == 0 && !e.needs_replay);
	}
	return 0;
}
