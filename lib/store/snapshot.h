/*
 * snapshot: an image as it is at one moment, whatever is written to it after.
 *
 * Of a thick volume it is a volume with room for what changes in the origin; of
 * a thin one another thin volume; of a file on XFS or btrfs a file that shares
 * its blocks.  One that a run reads is nameless if it is a file, and if it is a
 * volume carries the run's tag (volume.h), is watched, and gets more room from its
 * group before it is full.  What a killed run left, img-clean removes by that tag.
 */
#ifndef IMG_SNAPSHOT_H
#define IMG_SNAPSHOT_H

#include "lib/store/image.h"
#include "lib/store/volume.h"

#define SNAPSHOT_PERCENT 10 /* of the origin, if nobody says anything */

struct snapshot_want {
	const char *name; /* of one that stays; NULL: one for this run */
	uint64_t size;	  /* bytes of a thick one's room; 0: percent of the origin */
	unsigned percent; /* 0: SNAPSHOT_PERCENT */
	bool autoextend;
	bool dry_run; /* make all checks and nothing else */
};

struct snapshot {
	bool is_volume; /* to be removed */
	struct volume_name volume;
	char uuid[40]; /* LVM's */
	struct snapshot_watch *watch;
};

/*
 * Takes one of img, for this run, and opens img on it instead.  0, or -1 recorded,
 * with img as it was: ST_NOROOM, ST_REFUSED (a snapshot's, ...), ST_FAILED if
 * there can be none of it.  Blocks for seconds.
 */
int snapshot_take(struct snapshot *s, struct image *img, const struct snapshot_want *want);

/* Whether one can be made of a file, by making a nameless one: 0, or -1 recorded. */
int snapshot_try_file(const struct image *img);

/* Whether it is still what it was: 0, or -1 with ST_CORRUPT recorded. */
int snapshot_check(const struct snapshot *s);

/*
 * Removes it, after img was closed; accepts a zeroed one.  0, or -1 recorded:
 * it is still there.  Keeps an error that was recorded before.
 */
int snapshot_drop(struct snapshot *s);

/*
 * snapshot_keep.c: makes one that stays, beside the image; *out, which the caller
 * frees, is its path.  0, or -1 recorded: ST_EXISTS, and as snapshot_take().
 */
int snapshot_keep(
	char **out, const struct limits *l, const char *path, const struct snapshot_want *want);

/* snapshot_volume.c: makes a volume's, which stays if it has a name; *out is what it is. */
int snapshot_volume_make(
	struct lvm_volume *out, const struct volume_name *origin, const struct snapshot_want *want);

/*
 * Whether all of a volume may be overwritten without a snapshot of it overflowing: 0, or -1
 * with ST_NOROOM recorded.
 */
int snapshot_volume_check_room(const struct lvm_volume *origin);

/* snapshot_watch.c: a thread that looks at one, and extends it if it may. */
struct snapshot_watch;
struct snapshot_watch *snapshot_watch_start(const struct volume_name *volume, dev_t dev,
	uint64_t origin_len, bool autoextend); /* NULL recorded */
bool snapshot_watch_is_spoiled(const struct snapshot_watch *w);
void snapshot_watch_end(struct snapshot_watch *w); /* accepts NULL */

#endif
