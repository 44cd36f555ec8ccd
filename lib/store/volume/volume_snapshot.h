/*
 * volume_snapshot: snapshots of logical volumes.
 */
#ifndef IMG_VOLUME_SNAPSHOT_H
#define IMG_VOLUME_SNAPSHOT_H

#include "lib/lvm/lvm.h"
#include "lib/store/snapshot.h"

/* The backend's snapshot() and snapshot_keep(): backend.h. */
struct snapshot *volume_snapshot_take(struct image *origin, const struct snapshot_want *want);
int volume_snapshot_keep(char **path, struct image *origin, const struct snapshot_want *want);

/*
 * Whether all of a volume can be overwritten without one of its snapshots overflowing:
 * 0, or -1 with ST_NOROOM recorded.
 */
int volume_snapshot_check_space(const struct lvm_volume *origin);

#endif
