/*
 * fs_extent: all superblocks that are measured lie in the first HEAD bytes, which are read at
 * once.  A measure_…() then works on memory: it returns false if any field lies beyond what
 * was read, if the checksum is wrong, or if the numbers contradict each other.
 */
#include "lib/format/fs_extent.h"

#include <stddef.h>
#include <string.h>

#include <xxhash.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"
#include "lib/format/crc32c.h"
#include "lib/format/xfs_log.h"

#define HEAD (68u << 10) /* up to the end of the superblock of btrfs */

struct head {
	uint8_t byte[HEAD];
	size_t n; /* bytes that exist */
	bool bad; /* a getter would have read beyond them */
};

/* size bytes at off; NULL if they do not all exist. */
static const uint8_t *head_bytes(struct head *h, size_t off, size_t size)
{
	if (off > h->n || size > h->n - off) {
		h->bad = true;
		return NULL;
	}
	return h->byte + off;
}

/* A little-endian integer of size bytes at off. */
static uint64_t head_le(struct head *h, size_t off, size_t size)
{
	const uint8_t *p = head_bytes(h, off, size);
	uint64_t v = 0;

	while (p && size-- > 0)
		v = v << 8 | p[size];
	return v;
}

/* A big-endian one. */
static uint64_t head_be(struct head *h, size_t off, size_t size)
{
	const uint8_t *p = head_bytes(h, off, size);
	uint64_t v = 0;

	for (; p && size > 0; size--)
		v = v << 8 | *p++;
	return v;
}

static bool head_has(const struct head *h, size_t off, const char *magic, size_t size)
{
	return off <= h->n && size <= h->n - off && memcmp(h->byte + off, magic, size) == 0;
}

static bool is_power_of_2(uint64_t v, uint64_t min, uint64_t max)
{
	return v >= min && v <= max && (v & (v - 1)) == 0;
}

static bool is_log_of(uint64_t log, uint64_t v)
{
	return log < 64 && v == 1ull << log;
}

static bool set_blocks(struct fs_extent *e, uint64_t count, uint64_t block)
{
	if (count == 0 || count > SIZE_LIMIT / block)
		return false;
	e->bytes = count * block;
	e->block = (unsigned)block;
	return true;
}

#define EXT_SUPER 1024 /* where it begins, and its length */
#define EXT_CSUM (EXT_SUPER + 0x3fc)
#define EXT_CSUM_TYPE_CRC32C 1
#define EXT_INCOMPAT_RECOVER 0x4u
#define EXT_INCOMPAT_64BIT 0x80u
#define EXT_INCOMPAT_KNOWN 0x3f7d7u
#define EXT_RO_BIGALLOC 0x200u
#define EXT_RO_METADATA_CSUM 0x400u

static bool ext_csum_is_right(struct head *h)
{
	const uint8_t *sb = head_bytes(h, EXT_SUPER, EXT_SUPER);

	return sb && sb[0x175] == EXT_CSUM_TYPE_CRC32C &&
	       crc32c_add(CRC32C_INIT, sb, EXT_CSUM - EXT_SUPER) == head_le(h, EXT_CSUM, 4);
}

/* Whether the number of inodes fits that of blocks, as it always does. */
static bool ext_groups_are_right(struct head *h, uint64_t blocks, uint64_t cluster)
{
	uint64_t block = 1024u << head_le(h, EXT_SUPER + 0x18, 4);
	uint64_t first = head_le(h, EXT_SUPER + 0x14, 4);
	uint64_t per_group = head_le(h, EXT_SUPER + 0x20, 4);
	uint64_t inodes_per_group = head_le(h, EXT_SUPER + 0x28, 4), groups;

	if (first > (block == 1024) || blocks <= first || per_group == 0)
		return false;
	if (per_group > 8 * block * (cluster / block) || inodes_per_group > 8 * block)
		return false;
	groups = (blocks - first - 1) / per_group + 1;
	return groups <= UINT32_MAX && inodes_per_group > 0 &&
	       groups * inodes_per_group == head_le(h, EXT_SUPER, 4);
}

static bool measure_ext(struct fs_extent *e, struct head *h)
{
	uint64_t incompat = head_le(h, EXT_SUPER + 0x60, 4);
	uint64_t ro_compat = head_le(h, EXT_SUPER + 0x64, 4);
	uint64_t log_block = head_le(h, EXT_SUPER + 0x18, 4);
	bool bigalloc = ro_compat & EXT_RO_BIGALLOC;
	uint64_t log_cluster = bigalloc ? head_le(h, EXT_SUPER + 0x1c, 4) : log_block;
	uint64_t descriptor = head_le(h, EXT_SUPER + 0xfe, 2);
	uint64_t blocks = head_le(h, EXT_SUPER + 0x4, 4);

	if (head_le(h, EXT_SUPER + 0x38, 2) != 0xef53 || (incompat & ~EXT_INCOMPAT_KNOWN) ||
		(ro_compat & EXT_RO_METADATA_CSUM && !ext_csum_is_right(h)) ||
		(incompat & EXT_INCOMPAT_64BIT && !is_power_of_2(descriptor, 64, 1024)))
		return false;
	if (incompat & EXT_INCOMPAT_64BIT)
		blocks |= head_le(h, EXT_SUPER + 0x150, 4) << 32;
	if (log_block > 6 || log_cluster < log_block || log_cluster > 20)
		return false;
	e->needs_replay = incompat & EXT_INCOMPAT_RECOVER;
	return ext_groups_are_right(h, blocks, 1024u << log_cluster) &&
	       set_blocks(e, blocks, 1024u << log_block);
}

#define XFS_SECTOR_MAX 32768
#define XFS_CRC 224
/* Up to "metadir": what is newer may use the device behind the data, too. */
#define XFS_INCOMPAT_KNOWN 0x1ffu

/* The checksum is that of the sector, with zeros where it is stored, and is little-endian. */
static bool xfs_crc_is_right(struct head *h, size_t sector)
{
	static const uint8_t zero[4];
	const uint8_t *sb = head_bytes(h, 0, sector);
	uint32_t crc;

	if (!sb)
		return false;
	crc = crc32c_add(CRC32C_INIT, sb, XFS_CRC);
	crc = crc32c_add(crc, zero, sizeof(zero));
	crc = crc32c_add(crc, sb + XFS_CRC + 4, sector - XFS_CRC - 4);
	return (uint32_t)~crc == head_le(h, XFS_CRC, 4);
}

static bool measure_xfs(struct fs_extent *e, struct head *h)
{
	uint64_t block = head_be(h, 4, 4), blocks = head_be(h, 8, 8);
	uint64_t ag_blocks = head_be(h, 84, 4), ags = head_be(h, 88, 4);
	uint64_t version = head_be(h, 100, 2) & 0xf, sector = head_be(h, 102, 2);

	if (!head_has(h, 0, "XFSB", 4) || (version != 4 && version != 5) ||
		head_be(h, 126, 1) != 0) /* mkfs has not finished */
		return false;
	if (!is_power_of_2(block, 512, 65536) || !is_log_of(head_be(h, 120, 1), block) ||
		!is_power_of_2(sector, 512, XFS_SECTOR_MAX) || sector > block)
		return false;
	if (version == 5 &&
		((head_be(h, 216, 4) & ~XFS_INCOMPAT_KNOWN) || !xfs_crc_is_right(h, sector)))
		return false;
	if (ags == 0 || blocks > ags * ag_blocks || blocks <= (ags - 1) * ag_blocks)
		return false;
	return set_blocks(e, blocks, block);
}

#define BTRFS_SUPER 65536
#define BTRFS_SUPER_SIZE 4096
#define BTRFS_CSUM_SIZE 32
#define BTRFS_CSUM_CRC32C 0
#define BTRFS_CSUM_XXHASH 1
#define BTRFS_CSUM_BLAKE2 3
#define BTRFS_FLAGS_METADUMP (3ull << 33) /* an image of the metadata alone */

/* Two of the four kinds of checksums are compared; SHA-256 and BLAKE2 are not. */
static bool btrfs_csum_is_right(struct head *h)
{
	const size_t size = BTRFS_SUPER_SIZE - BTRFS_CSUM_SIZE;
	const uint8_t *p = head_bytes(h, BTRFS_SUPER + BTRFS_CSUM_SIZE, size);
	uint64_t kind = head_le(h, BTRFS_SUPER + 0xc4, 2);

	if (!p)
		return false;
	if (kind == BTRFS_CSUM_CRC32C)
		return (uint32_t)~crc32c_add(CRC32C_INIT, p, size) == head_le(h, BTRFS_SUPER, 4);
	if (kind == BTRFS_CSUM_XXHASH)
		return XXH64(p, size, 0) == head_le(h, BTRFS_SUPER, 8);
	return kind <= BTRFS_CSUM_BLAKE2;
}

/* With one device, the length of the filesystem is that of the device. */
static bool measure_btrfs(struct fs_extent *e, struct head *h)
{
	uint64_t sector = head_le(h, BTRFS_SUPER + 0x90, 4);
	uint64_t total = head_le(h, BTRFS_SUPER + 0x70, 8);
	uint64_t device = head_le(h, BTRFS_SUPER + 0xd1, 8);

	if (!head_has(h, BTRFS_SUPER + 0x40, "_BHRfS_M", 8) || !btrfs_csum_is_right(h) ||
		head_le(h, BTRFS_SUPER + 0x30, 8) != BTRFS_SUPER ||
		(head_le(h, BTRFS_SUPER + 0x38, 8) & BTRFS_FLAGS_METADUMP))
		return false;
	if (head_le(h, BTRFS_SUPER + 0x88, 8) != 1 || !is_power_of_2(sector, 512, 65536) ||
		total != device || device < BTRFS_SUPER + BTRFS_SUPER_SIZE || device > SIZE_LIMIT)
		return false;
	e->bytes = device;
	e->block = (unsigned)sector;
	return true;
}

#define SWAP_HEADER 1024
#define SWAP_PAGE_MIN 4096
#define SWAP_PAGE_MAX 65536
#define SWAP_MAGIC "SWAPSPACE2" /* the last 10 bytes of the first page */
#define SWAP_MAGIC_SIZE 10

/* The size of the page that ends with this; 0: none; 1: there are several. */
static size_t swap_page(const struct head *h, const char *magic)
{
	size_t page, found = 0;

	for (page = SWAP_PAGE_MIN; page <= SWAP_PAGE_MAX; page *= 2)
		if (head_has(h, page - SWAP_MAGIC_SIZE, magic, strlen(magic)))
			found = found ? 1 : page;
	return found;
}

static bool measure_swap(struct fs_extent *e, struct head *h)
{
	size_t page = swap_page(h, SWAP_MAGIC);

	if (page < SWAP_PAGE_MIN)
		return false;
	/* The integers are in the order of the machine that made it. */
	if (head_le(h, SWAP_HEADER, 4) == 1 && head_le(h, SWAP_HEADER + 4, 4) != 0)
		return set_blocks(e, head_le(h, SWAP_HEADER + 4, 4) + 1, page);
	if (head_be(h, SWAP_HEADER, 4) == 1 && head_be(h, SWAP_HEADER + 4, 4) != 0)
		return set_blocks(e, head_be(h, SWAP_HEADER + 4, 4) + 1, page);
	return false;
}

#define EXFAT_CSUM_SECTOR 11 /* it repeats the checksum of the sectors before it */

static bool measure_exfat(struct fs_extent *e, struct head *h)
{
	uint64_t sectors = head_le(h, 72, 8), heap = head_le(h, 88, 4);
	uint64_t clusters = head_le(h, 92, 4), log_sector = head_le(h, 108, 1);
	uint64_t log_cluster = head_le(h, 109, 1); /* sectors in a cluster */
	const uint8_t *p;
	uint32_t sum = 0;
	size_t i, end;

	if (!head_has(h, 3, "EXFAT   ", 8) || log_sector < 9 || log_sector > 12 ||
		log_cluster > 25 - log_sector)
		return false;
	end = (size_t)EXFAT_CSUM_SECTOR << log_sector;
	p = head_bytes(h, 0, end);
	for (i = 0; p && i < end; i++)
		if (i != 106 && i != 107 && i != 112) /* they change while it is mounted */
			sum = (sum << 31 | sum >> 1) + p[i];
	return p && sum == head_le(h, end, 4) && heap + (clusters << log_cluster) <= sectors &&
	       set_blocks(e, sectors, 1u << log_sector);
}

/* A squashfs is not made of blocks; it ends with any byte. */
static bool measure_squashfs(struct fs_extent *e, struct head *h)
{
	uint64_t block = head_le(h, 12, 4), bytes = head_le(h, 40, 8);

	if (!head_has(h, 0, "hsqs", 4) || head_le(h, 28, 2) != 4)
		return false;
	if (!is_power_of_2(block, 4096, 1u << 20) || !is_log_of(head_le(h, 22, 2), block) ||
		bytes < 96 || bytes > SIZE_LIMIT)
		return false;
	e->bytes = bytes;
	e->block = (unsigned)block;
	return true;
}

static const struct kind {
	const char *type; /* in blkid's words */
	bool (*measure)(struct fs_extent *e, struct head *h);
} kinds[] = {
	{ "ext2", measure_ext },
	{ "ext3", measure_ext },
	{ "ext4", measure_ext },
	{ "ext4dev", measure_ext },
	{ "xfs", measure_xfs },
	{ "btrfs", measure_btrfs },
	{ "swap", measure_swap },
	{ "exfat", measure_exfat },
	{ "squashfs", measure_squashfs },
};

/*
 * What a superblock claims to be that libblkid does not accept, for example because of its
 * checksum; NULL if there is none.
 */
static const char *damaged_type(struct head *h)
{
	static const struct {
		const char *type;
		size_t off;
		const char *magic;
	} signature[] = {
		{ "xfs", 0, "XFSB" },
		{ "btrfs", BTRFS_SUPER + 0x40, "_BHRfS_M" },
		{ "crypto_LUKS", 0, "LUKS\xba\xbe" },
		{ "LVM2_member", 512 + 24, "LVM2 001" },
		{ "exfat", 3, "EXFAT   " },
		{ "ntfs", 3, "NTFS    " },
		{ "squashfs", 0, "hsqs" },
		{ "f2fs", 1024, "\x10\x20\xf5\xf2" },
	};
	size_t i;

	for (i = 0; i < sizeof(signature) / sizeof(signature[0]); i++)
		if (head_has(h, signature[i].off, signature[i].magic, strlen(signature[i].magic)))
			return signature[i].type;
	if (swap_page(h, SWAP_MAGIC))
		return "swap";
	if (swap_page(h, "S1SUSPEND") || swap_page(h, "S2SUSPEND"))
		return "swsuspend";
	/* Two bytes alone would be found in noise.  ext2 and ext3 have no checksum to be wrong. */
	if (head_has(h, EXT_SUPER + 0x38, "\x53\xef", 2) && h->n >= EXT_SUPER + 0x50 &&
		head_le(h, EXT_SUPER + 0x4c, 4) <= 1)
		return "ext4";
	return NULL;
}

static void measure(struct fs_extent *e, struct head *h)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(e->type, kinds[i].type) != 0)
			continue;
		if (kinds[i].measure(e, h) && !h->bad) {
			e->measured = FS_MEASURED;
			return;
		}
		e->bytes = 0;
		e->block = 0;
		e->needs_replay = false;
	}
}

/* 0, or -1 recorded. */
static int look_at_log(struct fs_extent *e, const uint8_t *sb, int fd, uint64_t off, uint64_t len)
{
	int is_clean;

	if (e->measured != FS_MEASURED || strcmp(e->type, "xfs") != 0)
		return 0;
	is_clean = xfs_log_is_clean(fd, off, len, sb);
	e->needs_replay = is_clean == 0;
	return is_clean < 0 ? -1 : 0;
}

int fs_extent_read(struct fs_extent *e, int fd, uint64_t off, uint64_t len, const struct probe *p)
{
	struct probe own;
	struct head h = { .n = 0 };
	const char *type;
	ssize_t n;

	memset(e, 0, sizeof(*e));
	if (off > SIZE_LIMIT || len > SIZE_LIMIT - off)
		return err_set(ST_CORRUPT, "cannot look for filesystems: impossible length");
	if (!p && probe_range(fd, off, len, &own) < 0)
		return -1;
	n = io_pread(fd, h.byte, len < HEAD ? (size_t)len : HEAD, off);
	if (n < 0)
		return err_sys("cannot read the superblock");
	h.n = (size_t)n;
	memcpy(e->type, p ? p->fs_type : own.fs_type, sizeof(e->type));
	if (e->type[0]) {
		e->measured = FS_UNKNOWN;
		measure(e, &h);
		return look_at_log(e, h.byte, fd, off, len);
	}
	type = damaged_type(&h);
	if (type) {
		e->measured = FS_UNKNOWN;
		memcpy(e->type, type, strlen(type) + 1);
	}
	return 0;
}
