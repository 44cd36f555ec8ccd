/*
 * ptable: the partition table of a raw image, read without trusting it, and kept right when the
 * image is resized.  It recognises a GPT, and a DOS table (MBR) with its logical partitions, in
 * sectors of 512 or 4096 bytes.  The last partition may change its size with the image; all others
 * stay as they are, and none is renumbered.
 */
#ifndef IMG_PTABLE_H
#define IMG_PTABLE_H

#include <stdint.h>

#include "lib/format/dos_table.h"
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
	/*
	 * Why the size of the last partition cannot be changed, as a constant such as "no
	 * partition"; NULL: it can.
	 */
	const char *fixed;
	struct gpt gpt;		/* for ptable_fit() and ptable_fit_last() */
	struct dos_entries dos; /* for ptable_fit_last(): those of the last partition */
};

/*
 * Reads the table of the image in fd, which is len bytes long.  A boot sector of a FAT, exFAT or
 * NTFS filesystem is not taken for a DOS table.  0, whatever the image holds: what is damaged,
 * hostile or ambiguous is odd; -1 recorded: a read error, or out of memory.  Blocks.  May move the
 * file position of fd.
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
 *	4. the entry of the last partition in the primary table, if its end changes
 *	5. the size in the protective MBR
 *
 * At any time, the primary table or the backup is valid.  The primary one is not while its own
 * sectors are being written, that is in step 3 and, if the end of the last partition changes, until
 * step 4 is done; the backup at the new end is valid then.  All valid ones have all partitions.
 *
 * After an interruption, reading and fitting the table again completes it.  Up to step 3 the table
 * is still the old one: the primary one counts, even if the backup has another end of the last
 * partition.  From then on it is the new one: until step 4 is done, the primary header belongs to
 * the entries of the backup.  Any other difference between the two is odd.
 *
 * 0; -1 recorded: ST_REFUSED if new_len is below t->min_len, ST_CORRUPT if the table has changed
 * since it was read, or a failed read, write or sync.  Blocks.
 */
int ptable_fit(const struct ptable *t, int fd, uint64_t len, uint64_t new_len);

/*
 * Functions for a last partition that changes its size, if the table is neither odd nor fixed:
 *
 *	grow	the image, then ptable_fit_last() with ptable_last_end_max(), then what it holds
 *	shrink	what it holds to some bytes, then ptable_fit_last() with an end between
 *		ptable_last_end_for() and ptable_last_end_max(), then the image
 */

/*
 * Where the last partition may end at most in an image of new_len bytes: before the backup of a
 * GPT; within the sectors that a DOS table can count.  It is a multiple of 1 MiB, unless the
 * partition ends after that already.  0: not even its first sector is within that.
 */
uint64_t ptable_last_end_max(const struct ptable *t, uint64_t new_len);

/* The same, in multiples of a sector; what ptable_fit_last() accepts. */
uint64_t ptable_last_limit(const struct ptable *t, uint64_t new_len);

/*
 * The smallest end, in multiples of 1 MiB, for which the last partition has that many bytes; or
 * where it ends, if that is before and enough.  0: there is none below SIZE_LIMIT.
 */
uint64_t ptable_last_end_for(const struct ptable *t, uint64_t bytes);

/* Bytes that an image needs if the last partition ends at `end`, with the backup of a GPT. */
uint64_t ptable_last_min_len(const struct ptable *t, uint64_t end);

/*
 * As ptable_fit(), and the last partition ends at new_end, in bytes.  An extended partition that
 * contains it gets the same end.  In a DOS table at most three entries change, each of which is
 * synced to disk before the next; at any time the table is valid, with the old or the new end.
 *
 * -1 also if the table is odd or fixed, or if new_end is no end of a sector, not after the
 * partition's beginning, or beyond what a table of an image of new_len bytes can have: ST_REFUSED.
 */
int ptable_fit_last(
	const struct ptable *t, int fd, uint64_t len, uint64_t new_len, uint64_t new_end);

#endif
