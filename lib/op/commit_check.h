/*
 * commit_check: checks a layer before and after it is changed.
 */
#ifndef IMG_COMMIT_CHECK_H
#define IMG_COMMIT_CHECK_H

#include "lib/op/commit.h"

/*
 * Checks the structure of BASE and CHILD, as they are, if no guest runs: qemu-img would overwrite
 * what is in use and not counted.  Leaks are accepted, and so is a BASE that will be repaired.  0,
 * or -1 recorded, as of qemu_check_layer().
 */
int commit_check_before(const struct commit *c);

/*
 * Whether BASE is dirty, since the qemu-img of an interrupted job was killed: it has lazy reference
 * counts, which have to be made right before it is written to.
 */
bool commit_check_is_dirty(const struct commit *c);

/* Makes them right, and checks BASE.  0, or -1 recorded.  qemu-img is always waited for. */
int commit_check_repair(const struct commit *c);

/*
 * Checks the structure of the layer at a depth, which another program has changed since it was
 * opened, and which is not written to now; a raw one has none.  0, or -1 recorded, as of
 * qemu_check_layer().
 */
int commit_check_layer(const struct commit *c, unsigned depth);

#endif
