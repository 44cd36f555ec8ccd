/*
 * file_held: a file that another program changes in place (lib/store/held.h).
 */
#ifndef IMG_FILE_HELD_H
#define IMG_FILE_HELD_H

#include "lib/store/held.h"

/* The backend's hold() and check_hold(): backend.h. */
struct held *file_held_open(struct image *img, const struct held_want *want);
int file_held_check(struct image *img, const struct held_want *want);

#endif
