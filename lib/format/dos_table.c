/*
 * dos_table: which sector is a table is decided as in libblkid.  The number of extended boot
 * records that are read is limited, so a chain that is a loop ends there.
 */
#include "lib/format/dos_table.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/le.h"

#define ENTRIES 4
#define TYPE_PROTECTIVE 0xee

struct entry {
	uint8_t type;
	uint64_t first, count; /* sectors */
};

static struct entry get_entry(const uint8_t *sector, int i)
{
	const uint8_t *p = sector + DOS_TABLE_ENTRY(i);

	return (struct entry){ .type = p[4], .first = get_le32(p + 8), .count = get_le32(p + 12) };
}

static bool is_extended(const struct entry *e)
{
	return e->type == 0x05 || e->type == 0x0f || e->type == 0x85;
}

static bool has_signature(const uint8_t *sector)
{
	return sector[510] == 0x55 && sector[511] == 0xaa;
}

static bool is_power_of_2(unsigned v)
{
	return v && (v & (v - 1)) == 0;
}

/* Whether the parameters of a FAT filesystem are possible. */
static bool has_fat_parameters(const uint8_t *p)
{
	unsigned sector = get_le16(p + 11), reserved = get_le16(p + 14), media = p[21];

	return is_power_of_2(sector) && sector >= 512 && sector <= 4096 && is_power_of_2(p[13]) &&
	       reserved && p[16] && (media == 0xf0 || media >= 0xf8);
}

/* A boot sector of FAT has a name of it, or (FAT12, old) only begins with a jump. */
static bool is_fat(const uint8_t *p)
{
	bool named = memcmp(p + 82, "FAT32   ", 8) == 0 || memcmp(p + 82, "MSWIN", 5) == 0 ||
		     memcmp(p + 54, "MSDOS", 5) == 0 || memcmp(p + 54, "FAT", 3) == 0;
	bool jumps = (p[0] == 0xeb || p[0] == 0xe9) && memcmp(p + 54, "JFS     ", 8) != 0 &&
		     memcmp(p + 54, "HPFS    ", 8) != 0;

	return (named || jumps) && has_fat_parameters(p);
}

/* Whether this is the boot sector of a filesystem, which ends in the same two bytes. */
static bool is_boot_sector(const uint8_t *p)
{
	return memcmp(p + 3, "NTFS    ", 8) == 0 || memcmp(p + 3, "EXFAT   ", 8) == 0 ||
	       memcmp(p + 3, "-FVE-FS-", 8) == 0 || is_fat(p);
}

enum dos_table_kind dos_table_kind(const uint8_t mbr[DOS_TABLE_SECTOR], int *protective)
{
	int i, others = 0, misplaced = 0;
	struct entry e;

	*protective = -1;
	if (!has_signature(mbr))
		return DOS_TABLE_NONE;
	for (i = 0; i < ENTRIES; i++) {
		e = get_entry(mbr, i);
		if (e.type == TYPE_PROTECTIVE && e.first == 1 && *protective < 0)
			*protective = i;
		else if (e.type == TYPE_PROTECTIVE)
			misplaced++;
		else if (e.type)
			others++;
	}
	if (*protective >= 0)
		return others || misplaced ? DOS_TABLE_HYBRID : DOS_TABLE_PROTECTIVE;
	for (i = 0; i < ENTRIES; i++)
		if (mbr[DOS_TABLE_ENTRY(i)] & 0x7f)
			return DOS_TABLE_NONE;
	if (is_boot_sector(mbr))
		return DOS_TABLE_NONE;
	return misplaced ? DOS_TABLE_DAMAGED : DOS_TABLE_PLAIN;
}

/* Adds the partition of an entry that counts from sector base. */
static void add_part(struct dos_table *d, const struct entry *e, uint64_t base, unsigned number)
{
	struct ptable_part *p = &d->part[d->n++];

	p->start = (base + e->first) * DOS_TABLE_SECTOR;
	p->end = p->start + e->count * DOS_TABLE_SECTOR;
	p->number = number;
	if (p->end > d->used)
		d->used = p->end;
}

/*
 * Adds the logical partitions of an extended boot record.  The third and fourth entry often hold
 * something else, so libblkid and the kernel use them only if their extents are possible.
 */
static void add_logical(struct dos_table *d, const uint8_t *sector, uint64_t at,
	const struct entry *extended, unsigned *number)
{
	uint64_t end = extended->first + extended->count;
	struct entry e;
	int i;

	for (i = 0; i < ENTRIES && !d->odd; i++) {
		e = get_entry(sector, i);
		if (!e.count || is_extended(&e))
			continue;
		if (e.first >= end - at || e.count > end - at - e.first) {
			if (i < 2)
				d->odd = "a logical partition outside of the extended one";
		} else if (d->n == sizeof(d->part) / sizeof(d->part[0])) {
			d->odd = "too many logical partitions";
		} else {
			add_part(d, &e, at, (*number)++);
		}
	}
}

/* Sets *at to the next record of the chain: true; false: it ends here, or is odd. */
static bool find_next(
	struct dos_table *d, const uint8_t *sector, const struct entry *extended, uint64_t *at)
{
	struct entry e;
	int i;

	for (i = 0; i < ENTRIES; i++) {
		e = get_entry(sector, i);
		if (!e.count || !is_extended(&e))
			continue;
		if (e.first < extended->count) {
			*at = extended->first + e.first;
			return true;
		}
		d->odd = "a logical partition outside of the extended one";
		return false;
	}
	return false;
}

static int read_chain(struct dos_table *d, int fd, uint64_t len, const struct entry *extended,
	unsigned *number, unsigned *records)
{
	static const char broken[] = "a damaged DOS table: a chain of logical partitions is broken";
	uint64_t at = extended->first;
	uint8_t sector[DOS_TABLE_SECTOR];
	ssize_t got;

	do {
		if ((*records)++ == DOS_TABLE_LOGICAL_MAX) {
			d->odd = "too many logical partitions";
			return 0;
		}
		if (at >= len / DOS_TABLE_SECTOR) {
			d->odd = broken;
			return 0;
		}
		got = io_pread(fd, sector, sizeof(sector), at * DOS_TABLE_SECTOR);
		if (got < 0)
			return err_sys(
				"cannot read at %llu", (unsigned long long)at * DOS_TABLE_SECTOR);
		if ((size_t)got < sizeof(sector) || !has_signature(sector)) {
			/* An extended partition without any logical one may have no record. */
			if (at != extended->first)
				d->odd = broken;
			return 0;
		}
		add_logical(d, sector, at, extended, number);
	} while (!d->odd && find_next(d, sector, extended, &at));
	return 0;
}

int dos_table_read(struct dos_table *d, const uint8_t mbr[DOS_TABLE_SECTOR], int fd, uint64_t len)
{
	struct ptable_part primary[ENTRIES];
	struct entry e;
	unsigned number = ENTRIES + 1, records = 0;
	size_t primaries = 0;
	int i;

	memset(d, 0, sizeof(*d));
	for (i = 0; i < ENTRIES; i++) {
		e = get_entry(mbr, i);
		if (!e.count)
			continue;
		add_part(d, &e, 0, (unsigned)i + 1);
		primary[primaries++] = d->part[d->n - 1];
		if (is_extended(&e))
			d->n--; /* counts in d->used only */
	}
	for (i = 0; i < ENTRIES && !d->odd; i++) {
		e = get_entry(mbr, i);
		if (e.count && is_extended(&e) && read_chain(d, fd, len, &e, &number, &records) < 0)
			return -1;
	}
	if (!d->odd && d->used > len)
		d->odd = "a partition that ends beyond the image";
	if (!d->odd &&
		(ptable_part_overlap(primary, primaries) || ptable_part_overlap(d->part, d->n)))
		d->odd = "overlapping partitions";
	return 0;
}
