/*
 * file_snapshot: snapshots of files, by reflinks.
 */
#ifndef IMG_FILE_SNAPSHOT_H
#define IMG_FILE_SNAPSHOT_H

#include "lib/store/snapshot.h"

/* The backend's snapshot(): backend.h. */
struct snapshot *file_snapshot_prepare(struct image *origin, const struct snapshot_want *want);

#endif
