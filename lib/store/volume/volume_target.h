/*
 * volume_target: logical volumes as targets, new or filled in place.
 */
#ifndef IMG_VOLUME_TARGET_H
#define IMG_VOLUME_TARGET_H

#include "lib/store/target.h"

/* The backend's make() and fill(): backend.h. */
struct target *volume_target_make(struct place *place, const struct target_want *want);
struct target *volume_target_fill(struct place *place, const struct target_want *want);

#endif
