/*
 * disk_use: what an image must tell of its users and of writers (image.h), told of all images of
 * which a disk consists: its layers, and their external data files.
 */
#ifndef IMG_DISK_USE_H
#define IMG_DISK_USE_H

#include "lib/host/inuse.h"
#include "lib/store/image.h"

/* .use: of the first one that has a writer; without any, of the lowest one.  Blocks as theirs. */
int disk_use_look(struct image *disk, struct inuse *u);

/* .check: image_check_end() of each, so that of those that are held writers are detected, too. */
int disk_use_check(struct image *disk);

/* .hold and .check_unwritten: of each, whether or not it is held with image_hold(). */
void disk_use_hold(struct image *disk);
int disk_use_check_unwritten(struct image *disk);

#endif
