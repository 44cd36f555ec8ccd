/*
 * dos_table: which sector is a table is decided as in libblkid.  The number of extended boot
 * records that are read is limited, so a chain that is a loop ends there.
 */
#include "lib/format/dos_table.h"

#include <string.h>

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

/* Where an extended partition is, and which of its records is being read. */
struct chain {
	struct dos_extent extended, link; /* link.at is 0 in the first record */
	uint64_t first, count;		  /* sectors of the extended partition */
	uint64_t at;			  /* sector of the record */
};

/* What entry i of the table in sector `at` describes; it counts from sector base. */
static struct dos_extent get_extent(
	const struct dos_table *d, uint64_t at, int i, const struct entry *e, uint64_t base)
{
	return (struct dos_extent){ .at = at * d->sector + DOS_TABLE_ENTRY((unsigned)i),
		.start = (base + e->first) * d->sector };
}

/* Adds the partition that an entry describes. */
static void add_part(struct dos_table *d, const struct entry *e, const struct dos_extent *extent,
	unsigned number)
{
	struct ptable_part *p = &d->part[d->n++];

	p->start = extent->start;
	p->end = p->start + e->count * d->sector;
	p->number = number;
	if (p->end > d->used)
		d->used = p->end;
}

/* Adds one of the entries that change with a partition's end, if there is one. */
static void add_entry(struct dos_entries *entries, const struct dos_extent *extent)
{
	if (extent->at)
		entries->extent[entries->n++] = *extent;
}

/*
 * Adds the logical partitions of an extended boot record.  The third and fourth entry often hold
 * something else, so libblkid and the kernel use them only if their extents are possible.
 */
static void add_logical(
	struct dos_table *d, const uint8_t *sector, const struct chain *c, unsigned *number)
{
	uint64_t after = c->first + c->count - c->at;
	struct dos_extent extent;
	struct dos_entries *entries;
	struct entry e;
	int i;

	for (i = 0; i < ENTRIES && !d->odd; i++) {
		e = get_entry(sector, i);
		if (!e.count || is_extended(&e))
			continue;
		if (e.first >= after || e.count > after - e.first) {
			if (i < 2)
				d->odd = "a logical partition outside of the extended one";
		} else if (*number > DOS_TABLE_PARTS_MAX) {
			d->odd = "too many logical partitions";
		} else {
			extent = get_extent(d, c->at, i, &e, c->at);
			entries = &d->entries[*number - 1];
			add_entry(entries, &c->extended);
			add_entry(entries, &c->link);
			add_entry(entries, &extent);
			add_part(d, &e, &extent, (*number)++);
		}
	}
}

/* Goes to the next record of the chain: true; false: it ends here, or is odd. */
static bool go_to_next(struct dos_table *d, const uint8_t *sector, struct chain *c)
{
	struct entry e;
	int i;

	for (i = 0; i < ENTRIES; i++) {
		e = get_entry(sector, i);
		if (!e.count || !is_extended(&e))
			continue;
		if (e.first < c->count) {
			c->link = get_extent(d, c->at, i, &e, c->first);
			c->at = c->first + e.first;
			return true;
		}
		d->odd = "a logical partition outside of the extended one";
		return false;
	}
	return false;
}

/* Reads the extended partition of entry i of the MBR. */
static int read_chain(
	struct dos_table *d, int fd, uint64_t len, const struct entry *e, int i, unsigned *number)
{
	static const char broken[] = "a damaged DOS table: a chain of logical partitions is broken";
	struct chain c = { .extended = get_extent(d, 0, i, e, 0),
		.first = e->first,
		.count = e->count,
		.at = e->first };
	uint8_t sector[DOS_TABLE_SECTOR];
	int r;

	do {
		if (d->records++ == DOS_TABLE_LOGICAL_MAX) {
			d->odd = "too many logical partitions";
			return 0;
		}
		r = io_pread_within(fd, len, sector, sizeof(sector), c.at * d->sector);
		if (r < 0)
			return -1;
		if (c.at * d->sector > d->last_record)
			d->last_record = c.at * d->sector;
		if (r == 0 || !has_signature(sector)) {
			/* An extended partition without any logical one may have no record. */
			if (r == 0 || c.at != c.first)
				d->odd = broken;
			return 0;
		}
		add_logical(d, sector, &c, number);
	} while (!d->odd && go_to_next(d, sector, &c));
	return 0;
}

static void read_primaries(
	struct dos_table *d, const uint8_t *mbr, struct ptable_part primary[ENTRIES], size_t *n)
{
	struct dos_extent extent;
	struct entry e;
	int i;

	for (i = 0; i < ENTRIES; i++) {
		e = get_entry(mbr, i);
		if (!e.count)
			continue;
		extent = get_extent(d, 0, i, &e, 0);
		add_entry(&d->entries[i], &extent);
		add_part(d, &e, &extent, (unsigned)i + 1);
		primary[(*n)++] = d->part[d->n - 1];
		if (is_extended(&e))
			d->n--; /* counts in d->used only */
	}
}

/* Where the partition ends of which the MBR has an entry. */
static uint64_t get_end(const struct dos_table *d, const uint8_t *mbr, const struct dos_extent *x)
{
	struct entry e = get_entry(mbr, (int)((x->at - DOS_TABLE_ENTRY(0)) / 16));

	return (e.first + e.count) * d->sector;
}

/*
 * Sets d->fixed: an extended partition must not end after the last partition, unless it contains
 * it; and no extended boot record may be in or after it, where it would be cut off.
 */
static void check_last(struct dos_table *d, const uint8_t *mbr)
{
	const struct ptable_part *last = ptable_part_last(d->part, d->n);
	const struct dos_entries *entries;

	if (!last) {
		d->fixed = "no partition";
		return;
	}
	entries = &d->entries[last->number - 1];
	if (get_end(d, mbr, &entries->extent[0]) != d->used)
		d->fixed = "an extended partition after the last partition";
	else if (d->last_record >= last->start)
		d->fixed = "an unusual chain of logical partitions";
}

int dos_table_read(struct dos_table *d, const uint8_t mbr[DOS_TABLE_SECTOR], int fd, uint64_t len,
	unsigned sector)
{
	struct ptable_part primary[ENTRIES];
	struct entry e;
	unsigned number = ENTRIES + 1;
	size_t primaries = 0;
	int i;

	memset(d, 0, sizeof(*d));
	d->sector = sector;
	read_primaries(d, mbr, primary, &primaries);
	for (i = 0; i < ENTRIES && !d->odd; i++) {
		e = get_entry(mbr, i);
		if (e.count && is_extended(&e) && read_chain(d, fd, len, &e, i, &number) < 0)
			return -1;
	}
	if (!d->odd && d->used > len)
		d->odd = "a partition that ends beyond the image";
	if (!d->odd &&
		(ptable_part_overlap(primary, primaries) || ptable_part_overlap(d->part, d->n)))
		d->odd = "overlapping partitions";
	if (!d->odd)
		check_last(d, mbr);
	return 0;
}
