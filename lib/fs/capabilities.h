/*
 * capabilities: the filesystems that this host can grow, shrink, snapshot and detect, by the
 * programs that are installed (CHILD_PATH).
 */
#ifndef IMG_CAPABILITIES_H
#define IMG_CAPABILITIES_H

#include <stdbool.h>

#include "lib/base/buf.h"

/* Appends a pair for each type, with the key grow, shrink, snapshot or detect. */
void capabilities_write(struct buf *out);

#endif
