/*
 * volume_watch: a thread that watches how full a thick snapshot is, and extends it before
 * it is full.
 */
#ifndef IMG_VOLUME_WATCH_H
#define IMG_VOLUME_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/lvm/volume.h"

struct volume_watch; /* opaque */

/*
 * Starts to watch the snapshot called name, whose device is dev; origin_len is the size of
 * its origin in bytes.  It is extended only with autoextend.  NULL recorded.
 */
struct volume_watch *volume_watch_start(
	const struct volume_name *name, dev_t dev, uint64_t origin_len, bool autoextend);

/* True once the snapshot has overflowed; valid until volume_watch_end(). */
const atomic_bool *volume_watch_spoiled(const struct volume_watch *w);

/* Ends the thread and frees w; accepts NULL.  Blocks while LVM extends the snapshot. */
void volume_watch_end(struct volume_watch *w);

#endif
