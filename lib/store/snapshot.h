/*
 * snapshot: an image as it was at one moment, whatever is written to it later.
 *
 * The snapshot of a thick volume is a volume with copy-on-write space for what
 * changes in its origin; that of a thin volume is another thin volume; that of a
 * file on XFS or btrfs is a file that shares its blocks.
 *
 * One that is for the time of a job is read, and then removed.  A file of this kind has no
 * name, so it vanishes when it is closed.  A volume of this kind has the job's tag
 * (lib/lvm/volume.h), by which img-clean finds it if the job was killed; a thick
 * one is watched, and extended from its group before it is full.
 *
 * Several images can be snapshotted at one moment, so a snapshot is made in steps:
 *
 *	snapshot_prepare()	all checks, and all that takes time
 *	snapshot_make()		takes it, and does nothing else
 *	snapshot_complete()	checks what was made
 *	snapshot_publish()	of one that is kept: gives it its name, or removes the job's tag
 *
 * snapshot_drop() rolls back whatever was done.
 */
#ifndef IMG_SNAPSHOT_H
#define IMG_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/store/image.h"

#define SNAPSHOT_PERCENT 10 /* of the origin's size, if nothing else is configured */

struct snapshot_want {
	bool keep;	  /* it stays when the job ends */
	const char *name; /* of one that is kept; NULL: the image's, with the time */
	time_t at;	  /* this time, in seconds since 1970; 0: now */
	uint64_t size;	  /* bytes of a thick one's copy-on-write space; 0: by percent */
	unsigned percent; /* of the origin's size; 0: SNAPSHOT_PERCENT */
	bool autoextend;  /* extend it before it is full */
	bool dry_run;	  /* only make the checks */
	const char *tag;  /* that one that is kept gets from its creation on, if it is a volume; or
			     NULL.  Borrowed until it is made */
};

struct snapshot;

/* What a backend's snapshots do.  0, or -1 recorded. */
struct snapshot_ops {
	int (*make)(struct snapshot *s);     /* snapshot_make() */
	int (*complete)(struct snapshot *s); /* snapshot_complete(); sets s->image */
	int (*publish)(struct snapshot *s);  /* snapshot_publish() */
	/* ST_CORRUPT if it has become invalid.  May be NULL. */
	int (*check)(const struct snapshot *s);
	/* Removes what was made of it; its image was closed before. */
	int (*remove)(struct snapshot *s);
};

struct snapshot {
	const struct snapshot_ops *ops;
	struct image *origin; /* borrowed */
	struct image *image;  /* to be read; owned; NULL: it is not complete, or is kept */
	char *name;	      /* owned; NULL: it has none */
	char *path;	      /* owned; of one that is kept: its path, also before it is made */
	const char *pool;     /* what it takes space from when it is made, a part of s; or NULL */
	uint64_t needs, free; /* bytes: that space, and what the pool had */
};

/*
 * Makes all checks of a snapshot of origin, which outlives it, and prepares it.  The caller drops
 * it.  NULL recorded: ST_NOROOM, ST_REFUSED (origin is itself a thick snapshot, ...), ST_FAILED
 * where the storage does not support it; of one that is kept also ST_EXISTS, and ST_USAGE if
 * want->name is not a name.  In a dry run it can only be dropped.  Blocks for seconds.
 */
struct snapshot *snapshot_prepare(struct image *origin, const struct snapshot_want *want);

/* Takes it.  0, or -1 recorded.  Blocks as long as the storage does. */
int snapshot_make(struct snapshot *s);

/*
 * Checks that it is a snapshot of origin.  Then s->image can be read, and is watched if it can
 * overflow; or one that is kept is on disk.  0, or -1 recorded.  Blocks for seconds.
 */
int snapshot_complete(struct snapshot *s);

/* Of one that is kept: makes it an ordinary image.  0, or -1 recorded.  Blocks for seconds. */
int snapshot_publish(struct snapshot *s);

/* Whether it is still valid: 0, or -1 with ST_CORRUPT recorded. */
int snapshot_check(const struct snapshot *s);

/*
 * Closes its image, removes the snapshot as far as it was made, and frees s; accepts NULL.  0, or
 * -1 recorded: it could not be removed.  An error that was recorded before is kept, and
 * that of the removal becomes a warning.  Blocks for seconds.
 */
int snapshot_drop(struct snapshot *s);

/* Frees s of a snapshot that is kept, and was published; accepts NULL. */
void snapshot_leave(struct snapshot *s);

/*
 * All steps of one that is kept: *path, which the caller frees, is its path.  0, or -1 recorded,
 * as snapshot_prepare(); then nothing is left.  Blocks for seconds.
 */
int snapshot_keep(char **path, struct image *origin, const struct snapshot_want *want);

/* For backends: a zeroed struct of size bytes that begins with a snapshot.  NULL recorded. */
void *snapshot_new(size_t size, const struct snapshot_ops *ops, struct image *origin);

/*
 * For backends: "NAME-snap-20261122-061700" with the time at (0: now) in UTC.  NAME is cut so that
 * the text has at most max bytes, which are at least 32.  The caller frees it.  NULL
 * recorded.
 */
char *snapshot_default_name(const char *name, time_t at, size_t max);

#endif
