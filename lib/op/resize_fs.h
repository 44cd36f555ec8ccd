/*
 * resize_fs: the filesystem that is resized together with an image: the one that begins at
 * its first byte, or the one in its last partition, which then changes its size, too.
 */
#ifndef IMG_RESIZE_FS_H
#define IMG_RESIZE_FS_H

#include <stdint.h>

#include "lib/format/ptable.h"
#include "lib/fs/fs.h"

struct resize_fs {
	struct fs fs;
	const struct ptable *table; /* borrowed; NULL: the image has no partitions */
	uint64_t start;		    /* where it begins in the image */
	uint64_t end;		    /* where it, or its partition, may end afterwards */
	uint64_t bytes;		    /* that the filesystem gets */
};

/*
 * Finds the filesystem in fd, len bytes of an image with the table t.  0, or -1 recorded: also
 * ST_REFUSED.  resize_fs_close() only after success.
 */
int resize_fs_open(struct resize_fs *x, int fd, uint64_t len, const struct ptable *t,
	const struct fs_want *want);
void resize_fs_close(struct resize_fs *x);

/*
 * Sets end and bytes for an image of len bytes: the filesystem gets `size` bytes or a bit less,
 * or as many as there is space for if size is 0.  Makes all checks that need no change.  0, or
 * -1 recorded: ST_NOROOM if it has no space there.
 */
int resize_fs_plan(struct resize_fs *x, uint64_t len, uint64_t size);

/* Bytes that the image must have, by the estimate of fs_smallest(); 0: unknown. */
int resize_fs_smallest(struct resize_fs *x, uint64_t *bytes);

/*
 * Changes the filesystem in fd, which is open for writing and has the content that was planned
 * with: an image of len bytes now and new_len afterwards.  It grows last and shrinks first, and
 * the partition table is made right in between.  0, or -1 recorded.  Blocks.
 */
int resize_fs_run(
	struct resize_fs *x, int fd, uint64_t len, uint64_t new_len, const struct fs_want *want);

#endif
