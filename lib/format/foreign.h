/*
 * foreign: image formats that are only named and measured: those of other hypervisors, and
 * QEMU's older ones.  Images of these formats are copied as they are.
 *
 *	vmdk	   "KDMV" at 0: le64 sectors at 12; le64 first sector and length of a text
 *		   descriptor at 28 and 36, whose extents count if the sectors are 0
 *		   "COWD" at 0: le32 sectors at 12
 *		   a text descriptor: lines of ACCESS SECTORS TYPE "FILE" [OFFSET], an extent
 *		   each; parentFileNameHint="FILE", unless parentCID is ffffffff
 *	vdi	   le32 0xbeda107f at 64: le64 bytes at 368
 *	vhdx	   "vhdxfile" at 0: a table of regions at 192 KiB, one of which has a table of
 *		   metadata with the size
 *	vpc	   "conectix" at 0: be64 bytes at 48; creator at 28; be16 cylinders, heads and
 *		   sectors (a byte each) at 56.  A fixed one has only a footer, which a guest can
 *		   write, and is not recognised
 *	qed	   "QED\0" at 0: le64 bytes at 48; le64 features at 16, 1: a backing file, 4:
 *		   which is raw; le32 offset and length of its name at 56
 *	qcow	   "QFI\xfb", be32 version 1: be64 bytes at 24; be64 offset of the backing
 *		   file's name at 8, be32 length at 16
 *	parallels  "WithoutFreeSpace" or "WithouFreSpacExt" at 0: le64 sectors at 36
 *
 * The names are QEMU's.  A guest can write all of that, so it is only shown.
 */
#ifndef IMG_FOREIGN_H
#define IMG_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOREIGN_HEAD 512 /* bytes of the beginning by which a format is recognised */
#define FOREIGN_MAGIC 9	 /* bytes by which most images are not one */
#define FOREIGN_EXTENTS_MAX 512
#define FOREIGN_BACKING_MAX 1023
#define FOREIGN_NAMES_MAX 32768	    /* bytes of the names of extents, each with its NUL */
#define FOREIGN_TEXT_MAX (1u << 20) /* bytes of a descriptor, as in QEMU */

struct foreign {
	const char *format;		       /* a constant; NULL: none of these */
	uint64_t capacity;		       /* bytes of the guest's disk */
	char backing[FOREIGN_BACKING_MAX + 1]; /* as recorded; "" if there is none */
	const char *backing_format;	       /* a constant; NULL: it is not recorded */
	/* The extents of a descriptor that are files, at most as many as fit: their names as
	   recorded, and their sizes.  The capacity is that of all. */
	char names[FOREIGN_NAMES_MAX];
	size_t names_len;
	uint64_t bytes[FOREIGN_EXTENTS_MAX]; /* of the guest's disk */
	size_t extents;
};

/*
 * Recognises the image in fd, which is len bytes long, and measures it.  0, also with format
 * NULL: it is none of these, or what its header says is impossible; -1 recorded: a read error.
 */
int foreign_read(struct foreign *f, int fd, uint64_t len);

/*
 * The same by the first n bytes of an image alone, as of one that is a stream.  What its header
 * has behind them is not known: a capacity is 0 then, and names are missing.  0, or -1 recorded:
 * no memory.
 */
int foreign_parse(struct foreign *f, const void *head, size_t n);

/*
 * Whether the first n bytes of a stream, FOREIGN_MAGIC or all, may be the beginning of one of these
 * images, whose header is then worth waiting for.
 */
bool foreign_may_begin(const void *head, size_t n);

/* Whether this is the name of one of these formats. */
bool foreign_is_known(const char *name);

/* The next of the names; *at begins as 0.  NULL after the last. */
const char *foreign_next_name(const struct foreign *f, size_t *at);

#endif
