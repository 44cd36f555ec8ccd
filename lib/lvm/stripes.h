/*
 * stripes: LVM gives a striped volume, or a RAID, only sizes of whole stripes, and rounds others:
 * that of some kinds down when it is reduced.
 */
#ifndef IMG_STRIPES_H
#define IMG_STRIPES_H

#include <stdint.h>

struct lvm_volume;

/*
 * The bytes that each size of the volume is a multiple of: an extent of each stripe of data.
 * 0, or -1 recorded.  Asks LVM if the volume is striped.
 */
int stripes_unit(const struct lvm_volume *v, uint64_t *unit);

#endif
