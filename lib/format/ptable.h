/*
 * ptable: the partition table of a raw image, read without trusting it, and kept right when the
 * image is resized.  It recognises a GPT with sectors of 512 or 4096 bytes, and a DOS table (MBR)
 * with its logical partitions, in sectors of 512 bytes.  It never changes a partition's size.
 */
#ifndef IMG_PTABLE_H
#define IMG_PTABLE_H

#include <stdint.h>

#include "lib/format/gpt.h"

enum ptable_kind { PTABLE_NONE, PTABLE_GPT, PTABLE_DOS };

struct ptable {
	enum ptable_kind kind;
	/*
	 * Why this table is not kept right, as a constant such as "a hybrid MBR"; NULL: it is kept
	 * right.  If it is set, all fields that follow are 0.
	 */
	const char *odd;
	unsigned sector; /* bytes: 512 or 4096 */
	uint64_t used;	 /* bytes: where the last partition ends, also an extended one; 0: none */
	/*
	 * Bytes that an image needs for the table and all partitions, with the backup of a GPT.
	 * It is more than the image has if the image was cut where the backup was.
	 */
	uint64_t min_len;
	/* The partition that ends last, which is not an extended one: its number, from 1 (0: there
	   is none), and where it begins and ends in bytes. */
	unsigned last;
	uint64_t last_start, last_end;
	struct gpt gpt; /* for ptable_fit() */
};

/*
 * Reads the table of the image in fd, which is len bytes long.  A boot sector of a FAT, exFAT or
 * NTFS filesystem is not taken for a DOS table.  0, whatever the image holds: what is damaged,
 * hostile or ambiguous is odd; -1 recorded: a read error, or out of memory.  Blocks.
 */
int ptable_read(struct ptable *t, int fd, uint64_t len);

/*
 * Makes the table right for an image of new_len bytes, where len is the length that it was read
 * with.  To grow, it is called after the image has grown; to shrink, before the image is cut.
 * new_len may also equal len: that repairs the table of an image that was resized without this.
 * Only a GPT is changed; other tables and odd ones are left as they are.
 *
 * A GPT is changed in these steps, each of which is synced to disk before the next:
 *
 *	1. the new backup, at the new end
 *	2. the header of the old backup is overwritten with zeros, if it is elsewhere, within the
 *	   new length and outside of all partitions
 *	3. the primary header
 *	4. the size in the protective MBR
 *
 * The primary header is valid at any time, except while its own sector is being written; then the
 * backup at the new end is valid.  Both have all partitions.  After an interruption, reading and
 * fitting the table again completes it.
 *
 * 0; -1 recorded: ST_REFUSED if new_len is below t->min_len, ST_CORRUPT if the table has changed
 * since it was read, or a failed read, write or sync.  Blocks.
 */
int ptable_fit(const struct ptable *t, int fd, uint64_t len, uint64_t new_len);

#endif
