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
#define GPT_ENTRY_FIRST_LBA 32 /* offset in an entry */
#define GPT_ENTRY_LAST_LBA 40

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
 * The same for the entries of the primary header.  *unfinished: these are the backup's, because
 * gpt_fit() was interrupted after it had written the primary header, and before the entries that
 * belong to it.
 */
int gpt_last_read(const struct gpt *g, uint8_t **entries, bool *unfinished);

/* The offset in a header's entries of the one that ends last; their size if none is in use. */
size_t gpt_last_entry(const struct gpt_header *h, const uint8_t *entries);

/* Sets the end of an entry: lba is the first one after it. */
void gpt_last_set_end(uint8_t *entry, uint64_t lba);

/*
 * Whether a backup and its entries `other` differ from h and its entries as gpt_fit() leaves them
 * if it is interrupted before it writes the primary header: only the last partition has another
 * end, and so has the area for partitions.
 */
bool gpt_last_is_unfinished(const struct gpt_header *h, const uint8_t *entries,
	const struct gpt_header *backup, const uint8_t *other);

/*
 * Validates a primary header and its entries.  *part, of which *n are set and which the caller
 * frees, are the partitions in the order of their beginnings.  *odd is a constant that says why the
 * table is not kept right; then *part is NULL.  Otherwise *odd is NULL.  0, or -1 recorded.
 */
int gpt_read_parts(const struct gpt *g, struct ptable_part **part, size_t *n, const char **odd);

/*
 * The last LBA for partitions in an image of new_len bytes, which is before the backup; 0: it is
 * too short for a backup.  It stays as it is if the backup does not move.
 */
uint64_t gpt_last_usable(const struct gpt *g, uint64_t new_len);

/* Bytes that an image needs for this table and its partitions, the last of which ends at used. */
uint64_t gpt_min_len(const struct gpt *g, uint64_t used);

/*
 * Makes the table right for an image of new_len bytes, at least gpt_min_len(), in the steps that
 * ptable_fit() describes.  part are its n partitions.  The last of them is to end at new_end, in
 * bytes, a multiple of the sector; 0: where it does.  0, or -1 recorded.  Blocks (gpt_fit.c).
 */
int gpt_fit(const struct gpt *g, const struct ptable_part *part, size_t n, uint64_t new_len,
	uint64_t new_end);

#endif
