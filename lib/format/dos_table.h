/*
 * dos_table: a DOS partition table, and the protective one of a GPT, in the first sector (MBR).
 * Little-endian; it counts in the sectors of the disk, of 512 or 4096 bytes, and is in the first
 * 512 bytes of its sector:
 *
 *	446	4 entries of 16 bytes	510  2	0x55 0xaa
 *
 * An entry:
 *
 *	 0  1  0x80: bootable, else 0	 4  1  type, 0: not in use; 0xee: protects a GPT
 *	 8  4  first sector		12  4  number of sectors
 *	 1  3  first sector as cylinder, head and sector (CHS)
 *	 5  3  last sector as CHS
 *
 * CHS: head, sector from 1 with bits 8 and 9 of the cylinder, cylinder.  It depends on a number of
 * heads and of sectors that is recorded nowhere.  What is beyond cylinder 1023 has the largest CHS.
 *
 * An extended partition (types 0x05, 0x0f, 0x85) begins with such a sector, too (EBR): one entry is
 * a logical partition, relative to this sector; another of an extended type leads to the next such
 * sector, relative to the extended partition.
 */
#ifndef IMG_DOS_TABLE_H
#define IMG_DOS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/format/ptable_part.h"

#define DOS_TABLE_SECTOR 512		    /* bytes of a table */
#define DOS_TABLE_ENTRY(i) (446 + 16 * (i)) /* offset of the i-th of four */
#define DOS_TABLE_LOGICAL_MAX 128
#define DOS_TABLE_PARTS_MAX (4 + DOS_TABLE_LOGICAL_MAX)

enum dos_table_kind {
	DOS_TABLE_NONE, /* no partition table, such as the boot sector of a filesystem */
	DOS_TABLE_PLAIN,
	DOS_TABLE_PROTECTIVE, /* of a GPT: its entry covers the disk, and there is no other */
	DOS_TABLE_HYBRID,     /* of a GPT, and some of its partitions have entries, too */
	DOS_TABLE_DAMAGED     /* has an entry of type 0xee that does not begin at sector 1 */
};

/* The kind of a first sector.  *protective: the index of the protective entry, or -1. */
enum dos_table_kind dos_table_kind(const uint8_t mbr[DOS_TABLE_SECTOR], int *protective);

/* An entry that describes a partition, or a part of the chain that leads to it. */
struct dos_extent {
	uint64_t at;	/* offset in the image */
	uint64_t start; /* of what it describes, in bytes */
};

/*
 * All entries that have to change with a partition's end, the outermost first: its own; before
 * that, if it is a logical one, those of the extended partition and of the link to its record.
 */
struct dos_entries {
	struct dos_extent extent[3];
	size_t n;
};

struct dos_table {
	unsigned sector; /* bytes */
	/* Primary partitions that are not extended, and logical ones. */
	struct ptable_part part[DOS_TABLE_PARTS_MAX];
	size_t n;
	struct dos_entries entries[DOS_TABLE_PARTS_MAX]; /* of the partition with number i + 1 */
	/*
	 * Why the end of the last partition cannot be changed, a constant such as "no partition";
	 * NULL: it can.
	 */
	const char *fixed;
	uint64_t used;	      /* bytes: where the last partition ends, also an extended one */
	unsigned records;     /* number of extended boot records */
	uint64_t last_record; /* bytes: where the last of them is */
	/* Why it is not a table that is kept right, a constant; NULL: it is. */
	const char *odd;
};

/*
 * Reads the partitions of a plain table that counts in sectors of that size.  0, or -1 recorded: a
 * read error.
 */
int dos_table_read(struct dos_table *d, const uint8_t mbr[DOS_TABLE_SECTOR], int fd, uint64_t len,
	unsigned sector);

/*
 * The same for sectors of 4096 bytes if only with these a partition begins with something that
 * libblkid recognises; otherwise for 512.  It is odd if that is so with both.  Moves the file
 * position of fd (dos_sector.c).
 */
int dos_sector_read(struct dos_table *d, const uint8_t mbr[DOS_TABLE_SECTOR], int fd, uint64_t len);

/*
 * Changes the end of the partition with these entries to new_end, in bytes, a multiple of sector.
 * Each entry is synced to disk before the next, in an order in which a logical partition always
 * ends within its extended one.  0, or -1 recorded.  Blocks (dos_fit.c).
 */
int dos_fit_end(int fd, unsigned sector, const struct dos_entries *entries, uint64_t new_end);

#endif
