/*
 * commit: one job of img-commit: the layers above BASE, up to and including TOP, are written into
 * BASE, and the layer above TOP, CHILD, then stands on BASE.
 *
 *	plan (commit_plan.h, commit_space.h) | hold all layers, mark BASE | enlarge BASE |
 *	commit each layer, the lowest first (commit_run.h) | check BASE |
 *	CHILD stands on BASE (commit_rebase.h) | delete layers | remove the mark
 *
 * At each moment IMAGE shows the same bytes: a byte of BASE changes only where a layer above it
 * hides that.  So a job that is interrupted leaves the mark, whose record (commit_mark.h) tells the
 * same command what to complete.
 */
#ifndef IMG_COMMIT_H
#define IMG_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/op/commit_mark.h"
#include "lib/store/chain.h"
#include "lib/store/disk_layers.h"
#include "lib/store/held.h"

struct kv;
struct session;

#define COMMIT_JOB_MAX 40

struct commit_guest;

/* What img-info shows of a layer, in bytes. */
struct commit_numbers {
	uint64_t capacity, allocation, physical;
};

struct commit {
	struct session *session;
	const struct kv *request;
	struct image *image, *disk; /* IMAGE, and all its layers */
	unsigned count;		    /* of them */

	/* Depths in the chain as it is now. */
	unsigned top, base;
	unsigned child; /* if has_child */
	bool has_child; /* also IMAGE itself, if it is TOP and layers below it are deleted */

	bool deletes;	 /* --delete */
	bool was_begun;	 /* by an interrupted job, whose mark BASE has */
	bool is_rebased; /* it also let CHILD stand on BASE: top is not in the chain any more */
	struct commit_record record; /* what the mark says, or will say */

	uint64_t bytes[CHAIN_LAYERS_MAX]; /* of the disk, that each layer to be committed has */
	uint64_t all_bytes;		  /* their sum */
	uint64_t done_bytes;		  /* of these; for the progress */
	struct commit_numbers before, after;
	uint64_t from, to; /* BASE's physical size, if it is enlarged; else to is 0 */
	bool unzeroed;	   /* and its new space need not be zeros */
	char *backing;	   /* what CHILD will record */

	struct held *held[CHAIN_LAYERS_MAX]; /* by depth */
	bool is_changed;		     /* BASE may have been written to */

	/* While QEMU runs (commit_live.h). */
	bool is_live;
	bool is_active;	     /* TOP is IMAGE, so the guest uses BASE afterwards */
	bool takes_up;	     /* QEMU has the job that another run of the command began */
	bool is_handed_over; /* QEMU was, or is being, told to let the guest use BASE */
	struct commit_guest *guest;
	char job[COMMIT_JOB_MAX]; /* the name of QEMU's job */
	uint64_t live_end;	  /* BASE is written up to there, as QEMU says; 0: not known */
};

/* The layer at a depth. */
static inline struct disk_layer commit_layer(const struct commit *c, unsigned depth)
{
	return disk_layers_at(c->disk, depth);
}

static inline const char *commit_path(const struct commit *c, unsigned depth)
{
	return commit_layer(c, depth).img->place->path;
}

#endif
