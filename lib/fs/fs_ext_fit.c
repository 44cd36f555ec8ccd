/*
 * fs_ext_fit: see fs_ext_fit.h.
 *
 * In the superblock, little-endian:
 *
 *	 20  4  first data block		 24  4  log2 of the block's size, minus 10
 *	 32  4  blocks in a group		 40  4  inodes in a group
 *	 88  2  bytes of an inode		 92  4  compatible features
 *	 96  4  incompatible features		100  4  read-only compatible features
 *	206  2  blocks reserved for descriptors	254  2  bytes of a descriptor, with 64bit
 *	588  8  groups with a backup, with sparse_super2
 *
 * Sources: the kernel's Documentation/filesystems/ext4, "Super Block"; what resize2fs (e2fsprogs,
 * resize/resize2fs.c, adjust_fs_info()) requires of the last group.
 */
#include "lib/fs/fs_ext_fit.h"

#include <stdbool.h>

#include "lib/format/le.h"

#define COMPAT_SPARSE_SUPER2 0x200u
#define INCOMPAT_64BIT 0x80u
#define RO_SPARSE_SUPER 0x1u

#define LAST_GROUP_MIN 50 /* blocks of data that the last group must have space for */

static bool is_power_of(uint32_t base, uint64_t n)
{
	while (n % base == 0)
		n /= base;
	return n == 1;
}

/* Whether the last of so many groups has a backup of the superblock and the descriptors. */
static bool has_backup(const uint8_t *sb, uint64_t groups)
{
	uint64_t last = groups - 1;

	if (get_le32(sb + 92) & COMPAT_SPARSE_SUPER2) /* resize2fs moves it there */
		return get_le32(sb + (groups == 2 ? 588 : 592)) != 0;
	if (last <= 1 || !(get_le32(sb + 100) & RO_SPARSE_SUPER))
		return true;
	return is_power_of(3, last) || is_power_of(5, last) || is_power_of(7, last);
}

/* The blocks of the last of so many groups that hold no data. */
static uint64_t overhead_of(const uint8_t *sb, uint64_t groups)
{
	uint64_t block = UINT64_C(1024) << get_le32(sb + 24);
	uint64_t inodes = (uint64_t)get_le32(sb + 40) * get_le16(sb + 88);
	uint64_t descriptor = get_le32(sb + 96) & INCOMPAT_64BIT ? get_le16(sb + 254) : 32;
	uint64_t blocks = 2 + (inodes + block - 1) / block;

	if (has_backup(sb, groups))
		blocks += 1 + (groups * descriptor + block - 1) / block + get_le16(sb + 206);
	return blocks;
}

uint64_t fs_ext_fit(const uint8_t sb[1024], uint64_t blocks)
{
	uint64_t first = get_le32(sb + 20), in_group = get_le32(sb + 32), groups, rest;

	if (get_le32(sb + 24) > 6 || !in_group || blocks <= first)
		return blocks;
	groups = (blocks - first + in_group - 1) / in_group;
	rest = (blocks - first) % in_group;
	if (groups > 1 && rest && rest < overhead_of(sb, groups) + LAST_GROUP_MIN)
		return blocks - rest;
	return blocks;
}
