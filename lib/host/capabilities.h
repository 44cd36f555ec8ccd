/*
 * capabilities: which filesystems this host can grow, shrink, snapshot and detect,
 * by the programs that are there now (CHILD_PATH).
 */
#ifndef IMG_CAPABILITIES_H
#define IMG_CAPABILITIES_H

#include <stdbool.h>

#include "lib/base/buf.h"

/* Appends grow, shrink, snapshot, detect: a pair for each type. */
void capabilities_write(struct buf *out);

#endif
