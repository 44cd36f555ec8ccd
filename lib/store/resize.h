/*
 * resize: changes the size of an existing image, or of what it holds, whatever storage it is on.
 *
 *	resize_open | resize_plan | resize_begin | resize_grow or resize_cut | resize_finish
 *	resize_close
 *
 * What the image holds is the caller's business: it looks before anything is cut, and between
 * these steps it keeps a partition table right and resizes a filesystem, by r->fd.  If that
 * can break what the image holds (want.risky), there is a way back until resize_finish(): a file
 * is changed as a hidden copy, which then takes its name, and a volume has a snapshot.
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
	bool is_unused;	  /* nobody has used the new space that an interrupted job has left */
	bool risky;	  /* what it holds is changed, and could be broken half-way */
	bool in_place;	  /* risky, but without a way back: it is only marked as unfinished */
	bool dry_run;	  /* only make the checks; r->fd is then for reading only */
};

/* What a job began, as the mark of an unfinished image records it; in bytes. */
struct resize_record {
	uint64_t from, to; /* the image's sizes before and after */
	uint64_t fs;	   /* the size that its filesystem gets; 0: none is resized */
	bool zeroed;	   /* of a volume: the new space was zeroed, and may be used since then */
	bool changing;	   /* the filesystem may be half changed */
};

#define RESIZE_RECORD_MAX 80

/* As the text "FROM:TO:FS", followed by ":zeroed" and ":changing".  Returns out. */
char *resize_record_write(const struct resize_record *c, char out[RESIZE_RECORD_MAX]);

/* Parses that text.  What follows it, or NULL if it does not have that form. */
const char *resize_record_parse(struct resize_record *c, const char *text);

struct resize;
struct target;

#define RESIZE_WHO_MAX 256

/*
 * Finds out whether others use an image that is to be resized, and who.  Also ST_BUSY: another job
 * of ours is writing it, which will not do with another size.
 */
int resize_look_for_users(struct image *img, bool *in_use, char who[RESIZE_WHO_MAX]);

/*
 * As image_refuse_unfinished(); but if who uses it, that may be the job to which the mark
 * belongs, so it is ST_BUSY.  NULL: nobody.
 */
int resize_refuse_unfinished(struct image *img, const char *who);

/* After an interruption: r->pending.changing, and nothing gives it back.  -1 with ST_CORRUPT. */
int resize_refuse_changing(const struct resize *r);

/* What a backend does; see the functions below. */
struct resize_ops {
	int (*plan)(struct resize *r);
	int (*begin)(struct resize *r);
	int (*grow)(struct resize *r);
	int (*cut)(struct resize *r);
	int (*finish)(struct resize *r);
	void (*close)(struct resize *r);
};

struct resize {
	const struct resize_ops *ops;
	struct image *img; /* borrowed */
	struct resize_want want;
	int fd;	       /* of what is changed: open for writing, or, in a dry run, for reading */
	uint64_t from; /* bytes, before */
	uint64_t len;  /* bytes that it gets; after resize_plan().  LVM may add some more */
	uint64_t fs;   /* as in resize_record; set by the caller before resize_begin() */
	struct resize_record pending; /* of an earlier job that was interrupted; to is 0: of none */
	bool stays_unfinished; /* after resize_begin(): if the caller gives up now, it stays marked
				*/
	struct target *copy;   /* after resize_begin(): the caller writes the image's content to it;
				or NULL */
};

/*
 * Opens an image for a change of its size, and locks it unless it is in use.  img is used until
 * resize_finish(), and can be closed before resize_close().  NULL recorded: also ST_REFUSED if
 * the size of such an image cannot be changed, and ST_BUSY.
 */
struct resize *resize_open(struct image *img, const struct resize_want *want);

/*
 * Sets r->len, which is len or, where the storage has a unit, the next larger multiple, and
 * checks that there is space for it, also ST_NOROOM.
 */
int resize_plan(struct resize *r, uint64_t len);

/*
 * After all checks, and not in a dry run: from now on the image, or its copy, is changed.
 * r->fd can be another descriptor than before.  Also ST_NOROOM if there is no space for the
 * way back.
 */
int resize_begin(struct resize *r);

/*
 * Grows it from r->from to r->len, and syncs that to disk; the new space reads as zeros.  If it
 * fails, the image has its old size.  If this process is killed, the image has its old or its
 * new size, or is marked as unfinished, and then the same plan completes it.
 */
int resize_grow(struct resize *r);

/* Cuts it to r->len, and syncs that to disk. */
int resize_cut(struct resize *r);

/* After all that the caller has done: it is complete, and needs no way back. */
int resize_finish(struct resize *r);

/*
 * Frees r; accepts NULL; keeps the recorded error.  Without resize_finish() it takes the way back,
 * or leaves the image marked as unfinished.  The image must be closed before, because LVM does
 * not merge a snapshot into a volume that is open.
 */
void resize_close(struct resize *r);

/* For backends: a zeroed struct of size bytes that begins with a resize; fd is -1.  NULL recorded.
 */
void *resize_new(size_t size, const struct resize_ops *ops, struct image *img,
	const struct resize_want *want);

#endif
