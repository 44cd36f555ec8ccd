/*
 * resize_backing: how long the backing file of a qcow2 layer is.
 */
#ifndef IMG_RESIZE_BACKING_H
#define IMG_RESIZE_BACKING_H

#include <stdint.h>

#include "lib/format/qcow2.h"
#include "lib/store/place.h"

/*
 * The size in bytes of the disk in the backing file that the layer at `from` records, which is
 * opened only if the access policy allows that.  0: it is not known.  Records no error.
 */
uint64_t resize_backing_size(const struct place *from, const struct qcow2 *q);

#endif
