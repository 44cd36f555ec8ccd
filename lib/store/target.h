/*
 * target: an image that is being made, and does not exist until it is complete.
 *
 * A new file is written as ".NAME.img-tools" beside its final name, and is
 * locked while the job that makes it runs, so that a leftover is known by its
 * free lock.  It gets its name only from target_commit(), after everything was
 * synced to disk.  target_abort() leaves what was there before.  What a SIGKILL
 * leaves is taken over by the next job for the same name, or removed by
 * img-clean.
 */
#ifndef IMG_TARGET_H
#define IMG_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/store/place.h"

#define TARGET_LEN_UNKNOWN UINT64_MAX

struct image;

struct target_want {
	uint64_t len;	  /* bytes that it will have, or TARGET_LEN_UNKNOWN */
	bool sparse;	  /* holes stay holes; else all of len is allocated */
	bool overwrite;	  /* replace what is there, keeping owner, mode, label */
	bool allow_links; /* also if what is there has several links */
	bool fsync;
	bool dry_run;		    /* make all checks and nothing else */
	const struct image *source; /* if it is on this host and known, or NULL */
	const char
		*source_id; /* its identity (identity.h), which the target must not have, or NULL */
	const char *pool;   /* a new volume gets its space from that thin pool; or NULL */
	uint64_t volume_len;	  /* of a new volume, before it is rounded up; 0: as len */
	const struct image *like; /* whose owner, mode, label and times it gets; or NULL */
};

struct target; /* opaque */

/*
 * A new image, or with want->overwrite one that replaces what is there.  Checks
 * everything that can be checked, then makes it and allocates it.  Takes over
 * place, also on failure.  NULL recorded: ST_EXISTS, ST_REFUSED (a link, several links, a
 * directory, the source itself), ST_BUSY (another job is making it; it is in
 * use), ST_NOROOM, ...
 */
struct target *target_make(struct place *place, const struct target_want *want);

/*
 * The existing image at place, which is filled in place and zeroed behind what is
 * written; overwrite plays no part.  Otherwise as target_make().
 */
struct target *target_fill(struct place *place, const struct target_want *want);

/*
 * Before the first write: the first n bytes of what an existing image holds that is
 * filled in place.  How many, 0 of a new one, or -1 recorded.
 */
ssize_t target_peek(struct target *t, void *p, size_t n);

/* Bytes at an offset; any thread.  0, or -1 recorded. */
int target_write(struct target *t, const void *p, size_t n, uint64_t off);

/*
 * A range that was never written is zeros.  Allocates it unless sparse; any
 * thread.  0, or -1 recorded.
 */
int target_zero(struct target *t, uint64_t len, uint64_t off);

/*
 * Makes it share the blocks of src, which is read as it is, where the storage
 * can: 1; 0: it cannot; -1 recorded.
 */
int target_clone(struct target *t, const struct image *src);

/* The final length, if it was unknown, or is less. */
int target_set_len(struct target *t, uint64_t len);

/*
 * Does all of a commit that takes time and that nobody else can see: attributes, and a
 * sync to disk.  So what must be known before the target is published can be found
 * out meanwhile.  0 or -1 recorded.
 */
int target_settle(struct target *t);

/*
 * Settles it if target_settle() was not called, gives it its name, syncs the directory: 0.  Or -1
 * recorded, and it is as after target_abort().  Frees t either way.
 */
int target_commit(struct target *t);
void target_abort(struct target *t); /* accepts NULL; keeps the recorded error */

/* Bytes that fit into it: of a volume, whole extents. */
uint64_t target_space(const struct target *t);

/* The path of the final name, for replies; valid as long as t. */
const char *target_path(const struct target *t);

#endif
