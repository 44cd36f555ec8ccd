/*
 * held: an existing image that a program of another project changes in place, such as a layer into
 * which qemu-img commits another.
 *
 *	held_open | held_mark | a program changes h->fd | held_sync | held_unmark | held_close
 *
 * It is locked until held_close(), and by its descriptor also as long as a program has that.  The
 * mark says that it is unfinished, and what the commit is, so that the same command completes it.
 * A volume has the tag VOLUME_TAG_COMMIT (lib/lvm/volume.h), and a file the mark of unfinished.h,
 * with HELD_RECORD before the record.
 *
 * Unless its comment says otherwise, a function returns 0, or -1 with an error recorded,
 * and blocks as long as its storage does.
 */
#ifndef IMG_HELD_H
#define IMG_HELD_H

#include "lib/store/image.h"

#define HELD_RECORD "commit:"

/* Bytes of a record with the NUL.  It has letters, digits and "_+./-:=" only, as LVM's tags. */
#define HELD_RECORD_MAX 900

struct held_want {
	bool allow_links; /* also a file that has several links */
	bool was_changed; /* this job has changed it since img was opened, but not what it holds */
	bool in_use;	  /* it is not locked: QEMU, which changes it, has done that */
};

struct held;

/* What a backend does; see the functions below. */
struct held_ops {
	int (*mark)(struct held *h, const char *record);
	int (*unmark)(struct held *h);
	void (*close)(struct held *h);
};

struct held {
	const struct held_ops *ops;
	struct place *place; /* owned */
	int fd;		     /* open for reading and writing; want.in_use: for reading */
};

/*
 * Locks the image img, which stays open.  NULL recorded: ST_BUSY if it is in use, or was changed
 * since it was opened; ST_REFUSED if it must not be changed.
 */
struct held *held_open(struct image *img, const struct held_want *want);

/* Makes the checks of held_open() that need no lock. */
int held_check(struct image *img, const struct held_want *want);

/* Marks it; an earlier record is replaced.  It is on disk then. */
int held_mark(struct held *h, const char *record);

/* Syncs what it holds to disk. */
int held_sync(const struct held *h);

/* After held_sync(): it is complete. */
int held_unmark(struct held *h);

void held_close(struct held *h); /* accepts NULL; keeps the recorded error */

/* For backends: a zeroed struct of size bytes that begins with a held; fd is -1.  NULL recorded. */
void *held_new(size_t size, const struct held_ops *ops, const struct image *img);

#endif
