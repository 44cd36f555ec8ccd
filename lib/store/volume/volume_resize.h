/*
 * volume_resize: changes the size of a logical volume; see backend.h.
 */
#ifndef IMG_VOLUME_RESIZE_H
#define IMG_VOLUME_RESIZE_H

#include "lib/store/resize.h"

struct resize *volume_resize_open(struct image *img, const struct resize_want *want);

#endif
