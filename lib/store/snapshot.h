/*
 * snapshot: an image as it is at one moment, whatever is written to it later.
 *
 * Of a thick volume it is a volume with copy-on-write space for what changes in
 * the origin; of a thin volume another thin volume; of a file on XFS or btrfs a
 * file that shares its blocks.  One that a job reads is nameless if it is a
 * file.  If it is a volume, it carries the job's tag (lib/lvm/volume.h), is watched
 * and extended from its group before it is full, and what a killed job left,
 * img-clean removes by that tag.
 */
#ifndef IMG_SNAPSHOT_H
#define IMG_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/store/image.h"

#define SNAPSHOT_PERCENT 10 /* of the origin, if nothing else is configured */

struct snapshot_want {
	const char *name; /* of one that stays; NULL: its image's, with the time */
	uint64_t size;	  /* bytes of a thick one's copy-on-write space; 0: percent of the origin */
	unsigned percent; /* 0: SNAPSHOT_PERCENT */
	bool autoextend;
	bool dry_run; /* make all checks and nothing else */
};

struct snapshot;

/* What a backend's snapshots do.  0, or -1 recorded. */
struct snapshot_ops {
	int (*check)(const struct snapshot *s); /* ST_CORRUPT: it is invalid.  May be NULL. */
	int (*remove)(struct snapshot *s);	/* after its image was closed.  May be NULL. */
};

struct snapshot {
	const struct snapshot_ops *ops;
	struct image *image; /* to read; its own */
	char *name;	     /* NULL: nameless */
};

/*
 * Takes one of origin, for this job.  *out, to be dropped, or NULL in a dry run.
 * 0, or -1 recorded: ST_NOROOM, ST_REFUSED (of a snapshot, ...), ST_FAILED
 * where none can be made.  Blocks for seconds.
 */
int snapshot_take(struct snapshot **out, struct image *origin, const struct snapshot_want *want);

/* Whether it is still what it was: 0, or -1 with ST_CORRUPT recorded. */
int snapshot_check(const struct snapshot *s);

/*
 * Closes its image and removes it; accepts NULL.  0, or -1 recorded: it is still
 * there.  Keeps an error that was recorded before.
 */
int snapshot_drop(struct snapshot *s);

/*
 * Makes one that stays, beside the image.  *path, which the caller frees, is
 * its path.  0, or -1 recorded: ST_CORRUPT of an unfinished image, ST_EXISTS, and as
 * snapshot_take().
 */
int snapshot_keep(char **path, struct image *origin, const struct snapshot_want *want);

/* For backends: a zeroed struct of size bytes that begins with a snapshot.  NULL recorded. */
void *snapshot_new(size_t size, const struct snapshot_ops *ops);

/*
 * For backends: "NAME-snap-20261122-061700" in UTC, of which NAME is cut so that all
 * of it has at most max bytes.  The caller frees it.  NULL recorded.
 */
char *snapshot_default_name(const char *name, size_t max);

#endif
