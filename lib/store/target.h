/*
 * target: an image that is being written, new or filled in place.
 *
 * A new file is written as ".NAME.img-tools" beside its final name, and gets that
 * name only from target_commit(), after everything was synced to disk.  A new
 * volume has its name from the beginning, and the job's tag until target_commit().
 * An existing image that is filled in place is marked as unfinished until then.
 * target_abort() removes what is new.  What a SIGKILL leaves is replaced by the
 * next job for the same name, or removed by img-clean.
 */
#ifndef IMG_TARGET_H
#define IMG_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/store/place.h"

#define TARGET_LEN_UNKNOWN UINT64_MAX

struct block;
struct image;

struct target_want {
	uint64_t len;		    /* bytes that will be written, or TARGET_LEN_UNKNOWN */
	bool sparse;		    /* holes remain holes; else all of len is allocated */
	bool overwrite;		    /* replace an existing image; keep owner, mode, label */
	bool allow_links;	    /* also a file that has several links */
	bool fsync;		    /* sync to disk before it is complete */
	bool dry_run;		    /* only make the checks */
	const struct image *source; /* if this process reads it, or NULL */
	bool share;		    /* it is made only to share the blocks of source */
	bool replaces_source;	  /* and to replace it: the caller has locked it, and checks itself
				     whether it is in use */
	const char *source_id;	  /* identity (identity.h) of the source, or NULL */
	const char *pool;	  /* a new volume gets its space from this thin pool, or NULL */
	uint64_t volume_len;	  /* bytes of a new volume, to be rounded up; 0: as len */
	const struct image *like; /* whose owner, mode, label and times it gets, or NULL */
};

struct target; /* opaque */

/*
 * Creates an image, which with want->overwrite replaces an existing one (a volume or a
 * device is then filled in place).  Checks everything that can be checked, then
 * creates and allocates it.  Takes over place, also on failure.  The caller keeps
 * want's pointers valid as long as the target.  Blocks for seconds.  NULL recorded:
 * ST_EXISTS, ST_REFUSED (a link, several links, a directory, the source itself),
 * ST_BUSY (another job is writing it; it is in use), ST_NOROOM, ...
 */
struct target *target_make(struct place *place, const struct target_want *want);

/*
 * Opens an existing image to fill it in place; what follows the written bytes is
 * zeroed.  want->overwrite is ignored.  Otherwise as target_make().
 */
struct target *target_fill(struct place *place, const struct target_want *want);

/* Whether an image that is filled in place was unfinished before, and so counts as empty. */
bool target_was_unfinished(const struct target *t);

/*
 * Reads, before the first write, up to n of the first bytes that an image filled in
 * place still holds.  Their number; 0 for a new image; -1 recorded.
 */
ssize_t target_peek(struct target *t, void *p, size_t n);

/* Whether it is written to as a block device: a volume or another one. */
bool target_is_device(const struct target *t);

/* Writes n bytes at off; from any thread.  0, or -1 recorded: ST_NOROOM. */
int target_write(struct target *t, const void *p, size_t n, uint64_t off);

/*
 * Makes len bytes at off read as zeros; they were not written before.  Allocates
 * them unless want->sparse; from any thread.  0, or -1 recorded.
 */
int target_zero(struct target *t, uint64_t len, uint64_t off);

/*
 * Writes or zeroes what the block b, which has its raw form, covers.  Where the storage can have
 * holes, the zeros that b->zero_units knows are not written if they fill what the storage
 * allocates at once.  From any thread.  0, or -1 recorded.
 */
int target_put(struct target *t, const struct block *b);

/*
 * Makes it share all blocks of src instead of a copy, where the storage supports
 * that: 1; 0: it does not; -1 recorded.
 */
int target_clone(struct target *t, const struct image *src);

/* Sets the final length: what follows is cut off or zeroed.  0, or -1 recorded: ST_NOROOM. */
int target_set_len(struct target *t, uint64_t len);

/*
 * Does the part of a commit that takes time and is not visible yet: sets attributes and
 * syncs the data to disk.  Meanwhile the source can be checked for the last time.  0, or
 * -1 recorded.  Blocks until the data is on disk.
 */
int target_settle(struct target *t);

/*
 * For reading a new file from its beginning, after target_settle(): its descriptor, which the
 * target keeps, or -1 recorded.
 */
int target_rewind(struct target *t);

/*
 * Completes it: calls target_settle() if that was not done, and gives it its name, or
 * removes the tag or mark that says that it is unfinished.  0; or -1 recorded, and it was
 * aborted: also if the job was cancelled while it was synced to disk.  Frees t either way.  Blocks
 * as target_settle().
 */
int target_commit(struct target *t);

/*
 * Gives it up: removes what is new, leaves an existing file or an untouched target as
 * it was, and leaves the mark of one that was written in place.  Frees t; accepts
 * NULL; keeps the recorded error.
 */
void target_abort(struct target *t);

/* How many bytes fit into it; of a volume, its size in complete extents. */
uint64_t target_space(const struct target *t);

/* The path of its final name, to be shown; valid as long as t. */
const char *target_path(const struct target *t);

#endif
