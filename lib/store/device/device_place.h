/*
 * device_place: a block device that is not a logical volume.
 */
#ifndef IMG_DEVICE_PLACE_H
#define IMG_DEVICE_PLACE_H

#include <sys/types.h>

#include "lib/store/backend.h"
#include "lib/store/place.h"

struct place_device {
	struct place base;
	dev_t dev; /* the device that was found */
};

/* The backend's find(): backend.h. */
int device_place_find(struct place **out, const struct found *f);

/*
 * Opens the device with flags; it must be the one that was found.  The descriptor, which the
 * caller closes, or -1 recorded: ST_BUSY if it is in use (O_EXCL) or was replaced,
 * ST_REFUSED by the policy.
 */
int device_place_open(const struct place *p, int flags);

#endif
