/*
 * gpt: a GUID partition table.  Little-endian; an LBA is the number of a sector.  The primary
 * header is at LBA 1, its entries follow; the backup header is in the last sector of the disk,
 * after its own copy of the entries.  A header:
 *
 *	 0  8  "EFI PART"		  8  4  revision, 0x00010000
 *	12  4  bytes of the header	 16  4  their CRC32, computed with 0 here
 *	24  8  LBA of this header	 32  8  LBA of the other one
 *	40  8  first LBA for partitions	 48  8  last one
 *	56 16  GUID of the disk		 72  8  LBA of the entries
 *	80  4  number of entries	 84  4  bytes of an entry	 88  4  CRC32 of all entries
 *
 * The rest of its sector is not used.  An entry:
 *
 *	 0 16  type, 0: not in use	 16 16  GUID of the partition
 *	32  8  first LBA		 40  8  last LBA		 48  8  attributes
 *	56 72  name in UTF-16
 *
 * Source: UEFI Specification 2.10, chapter 5.3.
 */
#ifndef IMG_GPT_H
#define IMG_GPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/format/ptable_part.h"

#define GPT_ENTRIES_MAX 1024
#define GPT_ENTRY_MIN 128 /* bytes */
#define GPT_ENTRY_MAX 4096
#define GPT_SECTOR_MAX 4096

struct gpt_header {
	uint32_t size; /* bytes */
	uint64_t lba, other_lba, first_usable, last_usable, entries_lba;
	uint8_t guid[16];
	uint32_t entries, entry_size, entries_crc;
	uint8_t raw[GPT_SECTOR_MAX]; /* its sector, as it was read */
};

struct gpt {
	int fd;
	uint64_t len;	 /* bytes of the image that may be read */
	unsigned sector; /* bytes */
	struct gpt_header primary;
};

/*
 * Reads the header at lba.  1; 0: there is none whose checksum and own LBA are right; -1 recorded.
 * Its other fields are not validated.
 */
int gpt_read_header(const struct gpt *g, struct gpt_header *h, uint64_t lba);

/* The checksum of a header of size bytes, at least 20. */
uint32_t gpt_header_crc(const uint8_t *raw, uint32_t size);

/* Bytes, and sectors, of a header's entries, whose number and size must be within limits. */
size_t gpt_entries_size(const struct gpt_header *h);
uint64_t gpt_entries_sectors(const struct gpt *g, const struct gpt_header *h);

/*
 * Reads the entries of a header into memory that the caller frees.  1; 0: they are outside of the
 * image, or their checksum is wrong; -1 recorded.
 */
int gpt_read_entries(const struct gpt *g, const struct gpt_header *h, uint8_t **entries);

/*
 * Validates a primary header and its entries.  *part, of which *n are set and which the caller
 * frees, are the partitions in the order of their beginnings.  *odd is a constant that says why the
 * table is not kept right; then *part is NULL.  Otherwise *odd is NULL.  0, or -1 recorded.
 */
int gpt_read_parts(const struct gpt *g, struct ptable_part **part, size_t *n, const char **odd);

/* Bytes that an image needs for this table and its partitions, the last of which ends at used. */
uint64_t gpt_min_len(const struct gpt *g, uint64_t used);

/*
 * Makes the table right for an image of new_len bytes, at least gpt_min_len(), in the steps that
 * ptable_fit() describes.  part are its n partitions.  0, or -1 recorded.  Blocks (gpt_fit.c).
 */
int gpt_fit(const struct gpt *g, const struct ptable_part *part, size_t n, uint64_t new_len);

#endif
