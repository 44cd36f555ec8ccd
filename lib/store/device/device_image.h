/*
 * device_image: an image that is a block device, but not a logical volume.
 */
#ifndef IMG_DEVICE_IMAGE_H
#define IMG_DEVICE_IMAGE_H

#include "lib/store/image.h"

/* The backend's open(): backend.h. */
struct image *device_image_open(struct place *place);

#endif
