/*
 * fs_kind: what fs.c and the kinds of filesystems share; nothing else includes it.
 *
 * f->device is open in all these functions but explain() and fit(), and in check() only if
 * is_mounted.  It is a regular file only if the kind does not need a device and off is 0; else a
 * block device that ends where the filesystem has to end.  A function returns 0, or -1 with an
 * error recorded, unless its comment says otherwise.
 */
#ifndef IMG_FS_KIND_H
#define IMG_FS_KIND_H

#include "lib/base/buf.h"
#include "lib/fs/fs.h"

#define FS_PROGRAMS 4

struct fs_kind {
	const char *const *types; /* in blkid's words, NULL after the last */
	const char
		*programs[FS_PROGRAMS + 1]; /* that must exist on this host; NULL after the last */
	bool can_shrink;
	bool is_mounted;   /* resized while it is mounted, which needs root */
	bool needs_device; /* its programs do not work on a regular file */
	bool cuts_file;	   /* resized in a regular file, it is the end of that */
	uint64_t floor;	   /* bytes below which it is never shrunk */

	/*
	 * -1 recorded if the superblock tells why fs_extent.h does not measure it, else 0.  May be
	 * NULL.
	 */
	int (*explain)(const struct fs *f);
	/* fs_fit(); NULL: the largest multiple of extent.block. */
	uint64_t (*fit)(const struct fs *f, uint64_t len);
	/* fs_check(), by its own reading of the superblock: features, state, bounds. */
	int (*check)(struct fs *f, uint64_t bytes);
	/* fs_smallest(); NULL: unknown. */
	int (*smallest)(struct fs *f, uint64_t *bytes);
	/*
	 * Repairs what is repaired without questions: before a change, and after it if verify()
	 * finds errors or is NULL.  NULL: nothing is repaired.
	 */
	int (*repair)(struct fs *f);
	int (*resize)(struct fs *f, uint64_t bytes);
	/* ST_CORRUPT unless its checker, which changes nothing, finds it in order.  May be NULL. */
	int (*verify)(struct fs *f);
};

extern const struct fs_kind fs_kind_ext, fs_kind_xfs, fs_kind_btrfs, fs_kind_swap;

/* The text "/proc/self/fd/N" of f->device, for a program's arguments. */
#define FS_PATH_MAX 32
const char *fs_path(const struct fs *f, char out[FS_PATH_MAX]);

/*
 * Runs a program of the kind on f->device, which it gets as a descriptor.  changes: it
 * changes the filesystem, so it is waited for unless want.is_copy.  out, which may be NULL, gets
 * its standard output and then its standard error.  Its exit status, or -1 recorded.
 */
int fs_run(const struct fs *f, bool changes, const char *const *argv, struct buf *out);

/* Whether a program had too little memory, or was killed, so that it tells nothing. */
bool fs_ran_out(int exit_status, struct buf *out);

/*
 * Records that the program failed with that exit status and output: "PROGRAM: its last
 * line".  Returns -1.
 */
int fs_failed(int status, const char *program, int exit_status, struct buf *out);

#endif
