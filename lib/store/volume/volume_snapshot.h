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
 * Refuses a volume whose snapshots would overflow if all of it were overwritten: 0, or
 * -1 with ST_NOROOM recorded.  Blocks as LVM does.
 */
int volume_snapshot_check_space(const struct lvm_volume *origin);

#endif
