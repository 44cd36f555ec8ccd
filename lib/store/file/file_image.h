/*
 * file_image: an image that is a regular file.
 */
#ifndef IMG_FILE_IMAGE_H
#define IMG_FILE_IMAGE_H

#include "lib/store/image.h"

/* The backend's open(): backend.h. */
struct image *file_image_open(struct place *place);

/*
 * An image of the open file fd.  Takes over place (NULL: it has no name) and fd, also on
 * failure.  NULL recorded.
 */
struct image *file_image_of(struct place *place, int fd);

#endif
