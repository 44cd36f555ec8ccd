/*
 * volume_image: an image that is a logical volume.
 */
#ifndef IMG_VOLUME_IMAGE_H
#define IMG_VOLUME_IMAGE_H

#include "lib/lvm/volume.h"
#include "lib/store/backend.h"
#include "lib/store/image.h"

/* The backend's open(): backend.h. */
struct image *volume_image_open(struct place *place);

/* The backend's space() and remember(). */
int volume_image_space(const struct image *img, struct backend_space *out);
int volume_image_remember(struct image *img);

/* The group and name of the volume that an image of this backend is. */
struct volume_name volume_image_name(const struct image *img);

#endif
