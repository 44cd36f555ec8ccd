/*
 * reading: opens and checks the source of a copy, for all operations that read an image.
 *
 * Its record has capacity (absent: not known before the end), physical (both in bytes), kind,
 * data (what of the physical is stored), mtime, format, compression, consistent, id
 * (identity.h), packed (an archive that is not unpacked), snapshot (its name), backing and
 * data_file (each), the names of other files that the image needs, as recorded.
 */
#ifndef IMG_READING_H
#define IMG_READING_H

#include "lib/host/identity.h"
#include "lib/op/op.h"
#include "lib/store/image.h"
#include "lib/store/snapshot.h"

struct reading {
	struct image *img;	   /* what is read; NULL: standard input */
	struct image *origin;	   /* if img is a snapshot: its origin; or NULL */
	struct snapshot *snapshot; /* if img is a snapshot: that; or NULL */
	struct image *disk;	   /* what the guest sees in img, if that is read; or NULL */
	struct source *source;
	const struct content *content; /* of img, whose it is, or stream; NULL: an archive that is
					  read as it is, and is damaged */
	struct content *stream;	       /* owned: of standard input, or NULL */
	bool compressed;
	bool is_packed;	 /* it is an archive, of which the bytes are read as they are */
	bool consistent; /* nobody could write to it; final after reading_check() */
	bool watched;	 /* it may be in use (want->live), and was not at the beginning */
	const char *format;
	uint64_t mtime;	       /* of a file, or of the image in an archive, in seconds since
				  1970; 0: unknown */
	char id[IDENTITY_MAX]; /* its identity; "" if it has none */
};

struct reading_want {
	const char *path;	/* NULL: standard input */
	bool live;		/* read it even if it is in use */
	bool snapshot;		/* take a snapshot of it, and read that */
	uint64_t snapshot_size; /* bytes of copy-on-write space; 0: as configured */
	bool taken;		/* read the snapshot that this session has taken of path */
	bool dry_run;		/* only check whether a snapshot can be taken */
	bool as_is;	     /* the bytes as they are: do not unpack, and do not refuse a header */
	bool flatten;	     /* of a qcow2 image, what the guest sees */
	bool must_parse;     /* refuse a header that cannot be parsed, which would else be copied */
	bool must_unpack;    /* the same, where as_is is no way out */
	uint64_t stream_len; /* of standard input, unpacked; FLOW_LEN_UNKNOWN */
	const char *pre, *post;	   /* commands to run before and after that, or NULL */
	const char *qmp, *libvirt; /* the guest that is paused meanwhile (snapping.h), or NULL */
};

/* Fills w from a checked request; key is that of the path. */
void reading_want_parse(struct reading_want *w, const struct kv *request, const char *key);

/*
 * Opens and checks the source, and takes a snapshot if that is wanted.  0, or -1 recorded; then r
 * is empty.  Blocks for seconds.
 */
int reading_open(struct reading *r, struct session *s, const struct reading_want *want);

/* The same at a place, which it takes over, also on failure; want->path is ignored. */
int reading_open_place(
	struct reading *r, struct session *s, struct place *place, const struct reading_want *want);

/*
 * After all was read, and before the target is published: 0 if the source has not changed, and its
 * snapshot is valid; else -1 with ST_CORRUPT recorded.
 */
int reading_check(struct reading *r);

/* Removes the snapshot, if there is one.  0, or -1 recorded.  r is still to be closed. */
int reading_finish(struct reading *r);

void reading_close(struct reading *r); /* accepts an empty one; keeps the recorded error */

/*
 * 0, with a warning if the content's header is damaged; or -1 recorded: such content is not
 * wanted.
 */
int reading_accept_damaged(const struct content *c, const struct reading_want *want);

/*
 * Refuses an image that is unfinished, as image_refuse_unfinished(): 0, or -1 recorded.  With as_is
 * one passes whose mark a guest could have written, since it is in the content.
 */
int reading_refuse_unfinished(struct image *img, bool as_is);

/* Adds the keys of its record; see above. */
void reading_describe(const struct reading *r, struct buf *record);
const char *reading_backing(const struct reading *r); /* as recorded, or NULL; it is r's */
void reading_describe_files(const struct reading *r, struct buf *record); /* only data_file */

#endif
