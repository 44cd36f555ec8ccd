/*
 * volume_describe: what LVM knows of a volume, as keys of its record (lib/store/info.h).
 */
#ifndef IMG_VOLUME_DESCRIBE_H
#define IMG_VOLUME_DESCRIBE_H

#include "lib/base/buf.h"
#include "lib/store/volume/volume_place.h"

/*
 * Adds type, pool and snapshots of the volume at p, and, if it is a snapshot, its origin and how
 * full it is.  What cannot be found out is left out.  Blocks as LVM does unless p->all is set.
 */
void volume_describe(const struct lvm_volume *v, const struct place_volume *p, struct buf *out);

/* Adds what is known of its sizes without opening it: capacity, physical and maybe allocation. */
void volume_describe_size(const struct lvm_volume *v, struct buf *out);

#endif
