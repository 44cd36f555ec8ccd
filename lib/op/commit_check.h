/*
 * commit_check: checks a layer before and after it is changed.
 */
#ifndef IMG_COMMIT_CHECK_H
#define IMG_COMMIT_CHECK_H

#include "lib/op/commit.h"

/*
 * Checks the structure of BASE and CHILD, as they are, if no guest runs: qemu-img would overwrite
 * what is in use and not counted.  Leaks are accepted.  0, or -1 recorded, as of
 * qemu_check_layer().
 */
int commit_check_before(const struct commit *c);

/*
 * Checks the structure of the layer at a depth, which another program has changed since it was
 * opened, and which is not written to now; a raw one has none.  0, or -1 recorded, as of
 * qemu_check_layer().
 */
int commit_check_layer(const struct commit *c, unsigned depth);

#endif
