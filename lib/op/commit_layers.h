/*
 * commit_layers: which layers --top and --base mean.
 */
#ifndef IMG_COMMIT_LAYERS_H
#define IMG_COMMIT_LAYERS_H

#include "lib/op/commit.h"

/*
 * Sets top, base, child, has_child, was_begun, is_rebased and record, by the request and by the
 * mark that a layer may have.  0, or -1 recorded, as commit_plan_open().
 */
int commit_layers_find(struct commit *c);

#endif
