/*
 * volume_resize: changes the size of a logical volume; see backend.h.
 */
#ifndef IMG_VOLUME_RESIZE_H
#define IMG_VOLUME_RESIZE_H

#include "lib/store/resize.h"

/*
 * A tag while a volume grows: the sizes before and after it, in bytes, and the job
 * (base/run.h): FROM:TO:RUN.  It counts only beside VOLUME_TAG_UNFINISHED.
 */
#define VOLUME_TAG_RESIZE "img-tools.resize="

struct resize *volume_resize_open(struct image *img, const struct resize_want *want);

#endif
