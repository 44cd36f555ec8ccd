/*
 * volume_held: a volume that another program changes in place (lib/store/held.h).
 */
#ifndef IMG_VOLUME_HELD_H
#define IMG_VOLUME_HELD_H

#include "lib/store/held.h"

/* The backend's hold() and check_hold(): backend.h. */
struct held *volume_held_open(struct image *img, const struct held_want *want);
int volume_held_check(struct image *img, const struct held_want *want);

#endif
