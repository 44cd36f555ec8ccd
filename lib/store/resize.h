/*
 * resize: changes the size of an existing image, whatever storage it is on.
 *
 *	resize_open | resize_plan | resize_grow or resize_cut | resize_finish | resize_close
 *
 * What the image holds is the caller's business: it looks before anything is cut, and
 * keeps a partition table right between these steps, by r->fd.
 *
 * Unless its comment says otherwise, a function returns 0, or -1 with an error recorded,
 * and blocks as long as its storage does.
 */
#ifndef IMG_RESIZE_H
#define IMG_RESIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/store/image.h"

struct resize_want {
	bool in_use;	  /* others use it: it may be grown, but what it has is theirs */
	bool allow_links; /* also change a file that has several links */
	bool unzeroed;	  /* the new space need not be zeros; may be set until resize_plan() */
	bool dry_run;	  /* only make the checks; r->fd is then for reading only */
};

struct resize;

/* What a backend does; see the functions below. */
struct resize_ops {
	int (*plan)(struct resize *r);
	int (*grow)(struct resize *r);
	int (*cut)(struct resize *r);
	int (*finish)(struct resize *r);
	void (*close)(struct resize *r);
};

struct resize {
	const struct resize_ops *ops;
	struct image *img; /* borrowed */
	struct resize_want want;
	int fd;		  /* open for writing, or, in a dry run, for reading */
	uint64_t from;	  /* bytes, before */
	uint64_t len;	  /* bytes that it gets; after resize_plan().  LVM may add some more */
	uint64_t pending; /* an earlier job began to grow it to this size; 0: none did */
};

/*
 * Opens an image for a change of its size, and locks it unless it is in use.  img must outlive
 * it.  NULL recorded: also ST_REFUSED if the size of such an image cannot be changed, and
 * ST_BUSY.
 */
struct resize *resize_open(struct image *img, const struct resize_want *want);

/*
 * Sets r->len, which is len or, where the storage has a unit, the next larger multiple, and
 * checks that there is space for it, also ST_NOROOM.
 */
int resize_plan(struct resize *r, uint64_t len);

/*
 * Grows it from r->from to r->len, and syncs that to disk; the new space reads as zeros.  If it
 * fails, the image has its old size.  If this process is killed, the image has its old or its
 * new size, or is marked as unfinished, and then the same plan completes it.
 */
int resize_grow(struct resize *r);

/* Cuts it to r->len, and syncs that to disk. */
int resize_cut(struct resize *r);

/* After resize_grow() and what the caller has done to the new space: it is complete. */
int resize_finish(struct resize *r);

/* Accepts NULL; keeps the recorded error. */
void resize_close(struct resize *r);

/* For backends: a zeroed struct of size bytes that begins with a resize; fd is -1.  NULL recorded.
 */
void *resize_new(size_t size, const struct resize_ops *ops, struct image *img,
	const struct resize_want *want);

#endif
