/*
 * file_image: an image that is a regular file.
 */
#ifndef IMG_FILE_IMAGE_H
#define IMG_FILE_IMAGE_H

#include "lib/store/image.h"

/* The backend's open(): backend.h. */
struct image *file_image_open(struct place *place);

/* The image that fd is.  Takes over place (NULL: it has no name) and fd.  NULL recorded. */
struct image *file_image_of(struct place *place, int fd);

#endif
