/*
 * fs_extent: where a filesystem ends, read from its superblock without its tools, so that
 * nothing cuts into it.
 *
 * libblkid says what it is.  ext2, ext3, ext4, XFS, btrfs, swap, exFAT and squashfs are
 * measured; everything else that is recognised is not.  A guest can write all of this:
 * a superblock whose checksum is wrong or whose numbers contradict each other is not
 * measured, and is never an error.
 */
#ifndef IMG_FS_EXTENT_H
#define IMG_FS_EXTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format/probe.h"

enum fs_measure {
	FS_NONE, /* nothing is recognised */
	FS_MEASURED,
	FS_UNKNOWN, /* it is recognised, but its end is unknown: nothing may be cut off */
};

/* bytes and block are 0, and needs_replay false, unless it is FS_MEASURED. */
struct fs_extent {
	enum fs_measure measured;
	char type[PROBE_TEXT]; /* blkid's TYPE ("ext4", "crypto_LUKS", …), or PROBE_AMBIGUOUS */
	uint64_t bytes;	       /* from off to its end, which may be beyond len */
	unsigned block;	       /* bytes of a block; of swap: of a page; of exFAT: of a sector */
	/*
	 * Its journal has to be replayed before it is used, and may contain a newer superblock
	 * with another end.  Of ext3, ext4 and XFS.
	 */
	bool needs_replay;
};

/*
 * Measures the filesystem that begins at off, in len bytes of fd.  p is what probe_range()
 * found in these bytes; if it is NULL, they are probed here.  0, also if there is none
 * or it cannot be measured; -1 recorded: a read error, or an impossible range.  Blocks.
 * Without p it moves the file position of fd.
 */
int fs_extent_read(struct fs_extent *e, int fd, uint64_t off, uint64_t len, const struct probe *p);

#endif
