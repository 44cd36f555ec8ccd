/*
 * volume_snapshot: snapshots of logical volumes.
 */
#ifndef IMG_VOLUME_SNAPSHOT_H
#define IMG_VOLUME_SNAPSHOT_H

#include "lib/store/snapshot.h"

/* The backend's snapshot() and snapshot_keep(): backend.h. */
struct snapshot *volume_snapshot_take(struct image *origin, const struct snapshot_want *want);
int volume_snapshot_keep(char **path, struct image *origin, const struct snapshot_want *want);

#endif
