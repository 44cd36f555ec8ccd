/*
 * device_target: block devices that the configuration names, filled in place.
 */
#ifndef IMG_DEVICE_TARGET_H
#define IMG_DEVICE_TARGET_H

#include "lib/store/target.h"

/* The backend's make() and fill(): backend.h. */
struct target *device_target_make(struct place *place, const struct target_want *want);
struct target *device_target_fill(struct place *place, const struct target_want *want);

#endif
