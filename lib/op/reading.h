/*
 * reading: the source of a copy, opened and checked: what `read` and `copy`
 * share.
 *
 * Request: path (of `copy`: source), or stdin=1; live; snapshot=1 with snapshot_size
 *          (bytes), pre and post (commands).
 * Record:  capacity (absent: not known before its end), physical, kind,
 *          format, compression, name, consistent, id, backing, snapshot (its name).
 */
#ifndef IMG_READING_H
#define IMG_READING_H

#include "lib/host/identity.h"
#include "lib/op/op.h"
#include "lib/store/image.h"
#include "lib/store/snapshot.h"

struct reading {
	struct image *img;	   /* that is read; NULL: standard input */
	struct image *origin;	   /* of the snapshot that img is, or NULL */
	struct snapshot *snapshot; /* img's, or NULL */
	struct source *source;
	bool compressed;
	bool consistent; /* nobody could write to it */
	const char *format;
	char backing[1024];    /* as recorded, "" if none */
	char id[IDENTITY_MAX]; /* which image it is; "" of standard input */
};

struct reading_want {
	const char *path;	/* NULL: standard input */
	bool live;		/* also if somebody may write to it */
	bool snapshot;		/* of a snapshot of it, */
	uint64_t snapshot_size; /* with that room; 0: as configured */
	bool dry_run;		/* only see whether that could be taken */
	const char *pre, *post; /* commands before and after that is taken, or NULL */
};

/* From a checked request: the path under key, or standard input if there is none. */
void reading_want_parse(struct reading_want *w, const struct kv *request, const char *key);

/* 0, or -1 recorded; then r is empty. */
int reading_open(struct reading *r, struct session *s, const struct reading_want *want);

/* The same of a place, which it takes over; want->path plays no part. */
int reading_open_place(
	struct reading *r, struct session *s, struct place *place, const struct reading_want *want);

/*
 * After all was read, and before the target is published: 0 if the source was the same
 * all the time, and its snapshot valid; or -1 with ST_CORRUPT recorded.
 */
int reading_check(struct reading *r);

/* After that, removes the snapshot.  0, or -1 recorded.  r stays to be closed. */
int reading_finish(struct reading *r);
void reading_close(struct reading *r);
void reading_describe(const struct reading *r, struct buf *record);

/* What the configuration says of snapshots; size, if not 0, is the user's word. */
int reading_snapshot_want(
	struct snapshot_want *out, const struct session *s, uint64_t size, bool dry_run);

#endif
