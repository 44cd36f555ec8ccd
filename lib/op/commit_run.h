/*
 * commit_run: writes one layer into BASE.
 */
#ifndef IMG_COMMIT_RUN_H
#define IMG_COMMIT_RUN_H

#include "lib/op/commit.h"

/*
 * Commits the layer at a depth into BASE by qemu-img, as if it stood directly on BASE: the layers
 * between them were committed before.  Both are held.  The layer itself does not change.  0, or -1
 * recorded: ST_NOROOM or ST_FAILED; then BASE has a part of it, and the same can be done again.
 * qemu-img is always waited for, however long it takes.
 */
int commit_run_layer(struct commit *c, unsigned depth);

/* Sends the progress, if the request wants that. */
void commit_run_tell(const struct commit *c, uint64_t done);

#endif
