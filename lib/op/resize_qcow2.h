/*
 * resize_qcow2: the part of the operation `resize` that is for qcow2 images: the size of the
 * guest's disk, or with `physical` that of the volume or file that the image is in.
 */
#ifndef IMG_RESIZE_QCOW2_H
#define IMG_RESIZE_QCOW2_H

#include <stdbool.h>

#include "lib/base/kv.h"
#include "lib/store/image.h"

/*
 * Whether the image is a qcow2 image with a header that can be parsed.  What image_content()
 * says later is still read anew.  Records no error.
 */
bool resize_qcow2_is(struct image *img);

/* Carries out a request to resize such an image.  0, or -1 recorded. */
int resize_qcow2(struct image *img, const struct kv *request, struct buf *reply);

#endif
