/*
 * volume_watch: a thread that watches how full a thick snapshot is, and extends it
 * in time.
 */
#ifndef IMG_VOLUME_WATCH_H
#define IMG_VOLUME_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/lvm/volume.h"

struct volume_watch; /* opaque */

/*
 * Watches the snapshot dev, which LVM calls name.  Only with autoextend is it
 * extended.  NULL recorded.
 */
struct volume_watch *volume_watch_start(
	const struct volume_name *name, dev_t dev, uint64_t origin_len, bool autoextend);

/* Set once it overflowed and so became invalid; valid until volume_watch_end(). */
const atomic_bool *volume_watch_spoiled(const struct volume_watch *w);

void volume_watch_end(struct volume_watch *w); /* accepts NULL */

#endif
