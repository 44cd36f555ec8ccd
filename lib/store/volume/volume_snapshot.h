/*
 * volume_snapshot: snapshots of logical volumes.
 */
#ifndef IMG_VOLUME_SNAPSHOT_H
#define IMG_VOLUME_SNAPSHOT_H

#include "lib/lvm/volume.h"
#include "lib/store/snapshot.h"

/* The backend's snapshot(): backend.h. */
struct snapshot *volume_snapshot_prepare(struct image *origin, const struct snapshot_want *want);

/* A name for a snapshot of v: that, the time and the process; cut if necessary. */
void volume_snapshot_choose_name(struct volume_name *out, const struct lvm_volume *v);

#endif
