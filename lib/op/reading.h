/*
 * reading: the source of a copy, opened and checked: what `read` and `copy`
 * share.
 *
 * Request: path (of `copy`: source), or stdin=1; live.
 * Record:  capacity (absent: not known before its end), physical, kind,
 *          format, compression, name, consistent, id, backing.
 */
#ifndef IMG_READING_H
#define IMG_READING_H

#include "lib/op/op.h"
#include "lib/store/image.h"

#define READING_ID_MAX 128

struct reading {
	struct image img;
	bool has_image;
	struct source *source;
	bool compressed;
	bool consistent; /* nobody could write to it */
	const char *format;
	char backing[1024];	 /* as recorded, "" if none */
	char id[READING_ID_MAX]; /* host's boot, device and inode: who it is */
};

struct reading_want {
	const char *path; /* NULL: standard input */
	bool live;	  /* also if somebody may write to it */
};

/* From a request: the path under key, or standard input with stdin=1.  0 or -1 recorded. */
int reading_want_parse(struct reading_want *w, const struct kv *request, const char *key);

/* 0, or -1 recorded; then r is empty. */
int reading_open(struct reading *r, struct session *s, const struct reading_want *want);
void reading_close(struct reading *r);
void reading_describe(const struct reading *r, struct buf *record);

/* "boot-id:device:inode" of a file on this host. */
void reading_id(const struct stat *st, char out[READING_ID_MAX]);

#endif
