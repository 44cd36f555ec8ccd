/*
 * dos_table: a DOS partition table, and the protective one of a GPT, in the first sector (MBR).
 * Little-endian, in sectors of 512 bytes:
 *
 *	446	4 entries of 16 bytes	510  2	0x55 0xaa
 *
 * An entry:
 *
 *	 0  1  0x80: bootable, else 0	 4  1  type, 0: not in use; 0xee: protects a GPT
 *	 8  4  first sector		12  4  number of sectors
 *	 1  3  and 5  3	the same as cylinder, head, sector; not used
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

#define DOS_TABLE_SECTOR 512
#define DOS_TABLE_ENTRY(i) (446 + 16 * (i)) /* offset of the i-th of four */
#define DOS_TABLE_LOGICAL_MAX 128

enum dos_table_kind {
	DOS_TABLE_NONE, /* no partition table, such as the boot sector of a filesystem */
	DOS_TABLE_PLAIN,
	DOS_TABLE_PROTECTIVE, /* of a GPT: its entry covers the disk, and there is no other */
	DOS_TABLE_HYBRID,     /* of a GPT, and some of its partitions have entries, too */
	DOS_TABLE_DAMAGED     /* has an entry of type 0xee that does not begin at sector 1 */
};

/* The kind of a first sector.  *protective: the index of the protective entry, or -1. */
enum dos_table_kind dos_table_kind(const uint8_t mbr[DOS_TABLE_SECTOR], int *protective);

struct dos_table {
	/* Primary partitions that are not extended, and logical ones. */
	struct ptable_part part[4 + DOS_TABLE_LOGICAL_MAX];
	size_t n;
	uint64_t used; /* bytes: where the last partition ends, also an extended one */
	/* Why it is not a table that is kept right, a constant; NULL: it is. */
	const char *odd;
};

/* Reads the partitions of a plain table.  0, or -1 recorded: a read error. */
int dos_table_read(struct dos_table *d, const uint8_t mbr[DOS_TABLE_SECTOR], int fd, uint64_t len);

#endif
