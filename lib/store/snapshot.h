/*
 * snapshot: an image as it was at one moment, whatever is written to it later.
 *
 * The snapshot of a thick volume is a volume with copy-on-write space for what
 * changes in its origin; that of a thin volume is another thin volume; that of a
 * file on XFS or btrfs is a file that shares its blocks.
 *
 * snapshot_take() makes one for the time of a job.  A file of this kind has no name,
 * so it vanishes when it is closed.  A volume of this kind has the job's tag
 * (lib/lvm/volume.h), by which img-clean finds it if the job was killed; a thick
 * one is watched, and extended from its group before it is full.
 */
#ifndef IMG_SNAPSHOT_H
#define IMG_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/store/image.h"

#define SNAPSHOT_PERCENT 10 /* of the origin's size, if nothing else is configured */

struct snapshot_want {
	const char *name; /* of one that is kept; NULL: the image's, with the time */
	uint64_t size;	  /* bytes of a thick one's copy-on-write space; 0: by percent */
	unsigned percent; /* of the origin's size; 0: SNAPSHOT_PERCENT */
	bool autoextend;  /* extend it before it is full */
	bool dry_run;	  /* only make the checks */
	const char *tag;  /* that one that is kept gets from its creation on, if it is a volume; or
			     NULL */
};

struct snapshot;

/* What a backend's snapshots do.  0, or -1 recorded. */
struct snapshot_ops {
	/* ST_CORRUPT if it has become invalid.  May be NULL. */
	int (*check)(const struct snapshot *s);
	/* Removes it; its image was closed before.  May be NULL: nothing is to be removed. */
	int (*remove)(struct snapshot *s);
};

struct snapshot {
	const struct snapshot_ops *ops;
	struct image *image; /* to be read; owned */
	char *name;	     /* owned; NULL: it has none */
};

/*
 * Takes a snapshot of origin for this job.  *out, for snapshot_drop(), or NULL in a
 * dry run.  0, or -1 recorded: ST_NOROOM, ST_REFUSED (origin is itself a thick
 * snapshot, ...), ST_FAILED where the storage does not support it.  Blocks for
 * seconds.
 */
int snapshot_take(struct snapshot **out, struct image *origin, const struct snapshot_want *want);

/* Whether it is still valid: 0, or -1 with ST_CORRUPT recorded. */
int snapshot_check(const struct snapshot *s);

/*
 * Closes its image, removes the snapshot and frees s; accepts NULL.  0, or -1
 * recorded: it could not be removed.  An error that was recorded before is kept, and
 * that of the removal becomes a warning.  Blocks for seconds.
 */
int snapshot_drop(struct snapshot *s);

/*
 * Takes a snapshot that is kept, beside the image.  *path, which the caller frees,
 * is its path.  0, or -1 recorded: ST_CORRUPT if the image is unfinished, ST_EXISTS,
 * ST_USAGE if want->name is not a name, and as snapshot_take().  Blocks for seconds.
 */
int snapshot_keep(char **path, struct image *origin, const struct snapshot_want *want);

/* For backends: a zeroed struct of size bytes that begins with a snapshot.  NULL recorded. */
void *snapshot_new(size_t size, const struct snapshot_ops *ops);

/*
 * For backends: "NAME-snap-20261122-061700" with the time in UTC.  NAME is cut so that
 * the text has at most max bytes, which are at least 32.  The caller frees it.  NULL
 * recorded.
 */
char *snapshot_default_name(const char *name, size_t max);

#endif
