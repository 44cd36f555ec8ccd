/*
 * file_resize: changes the size of a file; see backend.h.
 */
#ifndef IMG_FILE_RESIZE_H
#define IMG_FILE_RESIZE_H

#include "lib/store/resize.h"

struct resize *file_resize_open(struct image *img, const struct resize_want *want);

#endif
