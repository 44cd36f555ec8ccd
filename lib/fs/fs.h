/*
 * fs: changes the size of a filesystem that is not in use, or of a swap area.
 *
 *	fs_open | fs_fit, fs_check, fs_smallest | fs_resize
 *
 * Each kind is a table of functions in a file of its own (fs_kind.h).  What is done to a
 * filesystem is done by its own programs on this host, or by its driver in the kernel; none of
 * their results is trusted alone: its own checker runs before and after, and in the end its
 * superblock, read by fs_extent.h, must contain the new size.
 *
 * A filesystem may be damaged by an interruption, so that the caller needs a way back: a copy or
 * a snapshot.
 *
 * Unless its comment says otherwise, a function returns 0, or -1 with an error recorded, and
 * blocks as long as the programs run.
 */
#ifndef IMG_FS_H
#define IMG_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format/fs_extent.h"

struct fs_kind;

struct fs_want {
	bool is_copy;	 /* of what is to be resized: a program that changes it may be killed */
	bool may_mount;	 /* a kind that is resized only while it is mounted may be mounted */
	bool dry_run;	 /* fd is for reading only */
	bool keeps_rest; /* what lies behind the filesystem is to stay if that is shrunk */
	bool was_begun;	 /* an interrupted job of ours may have left it damaged: answer yes to all
			    questions of its checker */
};

struct fs {
	const struct fs_kind *kind;
	struct fs_want want;
	struct fs_extent extent; /* as it was found */
	int fd;			 /* borrowed: the file or device that contains it */
	uint64_t off, len;	 /* bytes of fd that it may use */
	/*
	 * What its programs are given: fd itself, or a loop device with off and len as its
	 * limits.  -1 until it is needed.
	 */
	int device;
	bool has_rest; /* behind it there is something that its program would cut off a file */
};

/*
 * Recognises the filesystem that begins at off of the file or device fd, and may use len bytes.
 * ST_REFUSED: there is none, it is of a kind that cannot be resized, it cannot be measured, or
 * it is larger than len.  fs_close() only after success.
 */
int fs_open(struct fs *f, int fd, uint64_t off, uint64_t len, const struct fs_want *want);
void fs_close(struct fs *f);

/* The largest size in bytes, not more than len, that this filesystem can have. */
uint64_t fs_fit(const struct fs *f, uint64_t len);

/*
 * Refuses a change to `bytes`, a result of fs_fit(), that would fail or would lose something, as
 * far as that can be found out without a change: also ST_REFUSED if it cannot be shrunk, ST_FAILED
 * if a program is missing.
 */
int fs_check(struct fs *f, uint64_t bytes);

/*
 * About how small it can become, in bytes; 0: unknown.  An estimate, which reads and changes
 * nothing.
 */
int fs_smallest(struct fs *f, uint64_t *bytes);

/*
 * Changes its size to `bytes`, a result of fs_fit() for len, where len is what it may use now.
 * If it has that size already, it is only checked and repaired.  ST_CORRUPT: it has errors that
 * its checker does not repair without questions.  On failure its content is undefined.
 */
int fs_resize(struct fs *f, uint64_t len, uint64_t bytes);

/*
 * resize2fs cuts a file to the size of its filesystem: lengthens it to `end` bytes again.
 * fs_resize() does that itself, but resize2fs may outlive a helper that was killed.  0, or -1
 * recorded.
 */
int fs_restore_len(int fd, uint64_t end);

/* Calls each with blkid's TYPE of all that can be grown, or shrunk, on this host. */
void fs_each_kind(bool shrink, void (*each)(void *arg, const char *type), void *arg);

#endif
