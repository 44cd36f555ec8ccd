/*
 * device_image: an image that is some block device.
 */
#ifndef IMG_DEVICE_IMAGE_H
#define IMG_DEVICE_IMAGE_H

#include "lib/store/image.h"

/* The backend's open(): backend.h. */
struct image *device_image_open(struct place *place);

#endif
