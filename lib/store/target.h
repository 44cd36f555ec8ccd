/*
 * target: an image that is being made, and is nothing until it is whole.
 *
 * A file is written as ".NAME.img-tools" beside its final name, locked as long
 * as its maker lives (so that a leftover is known by its free lock), and gets
 * its name only from target_commit(), after everything is on stable storage.
 * target_abort() leaves what was there before.  What a SIGKILL leaves is taken
 * over by the next run for the same name, or removed by img-clean.
 */
#ifndef IMG_TARGET_H
#define IMG_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/store/place.h"

#define TARGET_LEN_UNKNOWN UINT64_MAX

struct target_want {
	uint64_t len;	  /* bytes that it will have, or TARGET_LEN_UNKNOWN */
	bool sparse;	  /* holes stay holes; else all of len is allocated */
	bool overwrite;	  /* replace what is there, keeping owner, mode, label */
	bool allow_links; /* also if what is there has several links */
	bool fsync;
	bool dry_run;		   /* make all checks and nothing else */
	const struct stat *source; /* of the source on this host, or NULL: never the target */
	bool in_place;	     /* fill what is there, and zero the rest; overwrite plays no part */
	const char *pool;    /* a new volume gets its room from that thin pool; or NULL */
	uint64_t volume_len; /* of a new volume, before it is rounded up; 0: as len */
	int like;	     /* a descriptor whose owner, mode, label and times it gets; 0: none */
};

struct target; /* opaque */

/*
 * Checks everything that can be checked, then makes the hidden file and
 * allocates it.  Takes over place (also on failure).  NULL recorded: ST_EXISTS,
 * ST_REFUSED (a link, several links, a directory, the source itself), ST_BUSY
 * (another run is making it; it is in use), ST_NOROOM, ...
 */
struct target *target_open(struct place *place, const struct target_want *want);

/* Bytes at an offset; any thread.  0, or -1 recorded. */
int target_write(struct target *t, const void *p, size_t n, uint64_t off);

/*
 * A range that was never written is zeros: gives it its room unless sparse; any
 * thread.  0, or -1 recorded.
 */
int target_zero(struct target *t, uint64_t len, uint64_t off);

/*
 * Makes it share the blocks of src, a file that is read as it is, where the
 * filesystem can: 1; 0: it cannot; -1 recorded.
 */
int target_clone(struct target *t, int src);

/* The final length, if it was unknown, or is less. */
int target_set_len(struct target *t, uint64_t len);

/*
 * Syncs, gives it its name, syncs the directory: 0.  Or -1 recorded, and it
 * is as after target_abort().  Frees t either way.
 */
int target_commit(struct target *t);
void target_abort(struct target *t); /* accepts NULL; keeps the recorded error */

/* Bytes that it has room for: of a volume, whole extents. */
uint64_t target_room(const struct target *t);

/* The path of the final name, for replies; valid as long as t. */
const char *target_path(const struct target *t);

#endif
