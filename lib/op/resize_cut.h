/*
 * resize_cut: what must not be cut off from an image.
 */
#ifndef IMG_RESIZE_CUT_H
#define IMG_RESIZE_CUT_H

#include <stdint.h>

#include "lib/format/ptable.h"

/*
 * Refuses to cut an image, whose partition table is t, from len to new_len bytes if that would
 * cut into a partition or a filesystem, or into what is recognised but cannot be measured.  Sets
 * *smallest to the bytes that must stay; 0: nothing is recognised.  0, or -1 recorded, also
 * ST_REFUSED.
 */
int resize_cut_check(
	int fd, uint64_t len, uint64_t new_len, const struct ptable *t, uint64_t *smallest);

#define RESIZE_UNTOUCHED_MAX 400

/*
 * What stays as it is although its user may expect that it grows with the image, of len bytes: out
 * is "has a hybrid MBR", for instance; "": there is nothing of that kind, or it cannot be read.
 */
void resize_cut_untouched(
	int fd, uint64_t len, const struct ptable *t, char out[RESIZE_UNTOUCHED_MAX]);

#endif
