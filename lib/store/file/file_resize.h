/*
 * file_resize: changes the size of a file, or of what it holds; see backend.h.
 */
#ifndef IMG_FILE_RESIZE_H
#define IMG_FILE_RESIZE_H

#include "lib/store/resize.h"

struct resize *file_resize_open(struct image *img, const struct resize_want *want);

/* By a copy that replaces the file in the end: file_resize_copy.c. */
struct resize *file_resize_copy_open(struct image *img, const struct resize_want *want);

/* What the two share: 0, or -1 recorded. */

/* Checks the file, and opens and locks it as r->fd. */
int file_resize_lock(struct resize *r);

/* Sets r->pending and r->from to what the mark of an interrupted job says. */
int file_resize_look_for_job(struct resize *r);

/*
 * At the end, gives the file all its space again, if it had that: the programs that change a
 * filesystem may have cut off its end, and added it again.
 */
int file_resize_allocate(const struct resize *r);

/* Of resize_ops; they change r->fd. */
int file_resize_plan(struct resize *r);
int file_resize_grow(struct resize *r);
int file_resize_cut(struct resize *r);

#endif
