/*
 * resizing: one job of img-resize or img-resizefs, and what is told about it.
 */
#ifndef IMG_RESIZING_H
#define IMG_RESIZING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/op/resize_fs.h"
#include "lib/store/resize.h"

struct buf;
struct kv;

struct resizing {
	const struct kv *request;
	struct image *img;
	struct resize *r;
	struct ptable table; /* if it is looked at; else zeros */
	uint64_t table_len;  /* bytes of the image with which it was read */
	uint64_t asked;	     /* bytes */
	bool in_use;
	char who[RESIZE_WHO_MAX]; /* uses it */
	bool with_fs;		  /* its filesystem is resized */
	bool fs_only;		  /* and the image keeps its size */
	bool may_mount;
	bool has_fs; /* fs is open */
	struct resize_fs fs;
	uint64_t smallest; /* bytes, or 0 */
	char *child;	   /* an image that needs this one, so the table stays as it is; or NULL */
};

/* Adds its sizes and its steps, as op_resize.c describes the reply. */
void resizing_add_reply(const struct resizing *z, struct buf *reply);

/* Notes what the user does not expect, or has to do next. */
void resizing_note(const struct resizing *z);

#endif
