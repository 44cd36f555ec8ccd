/*
 * commit_rebase: CHILD gets BASE as its backing file.
 */
#ifndef IMG_COMMIT_REBASE_H
#define IMG_COMMIT_REBASE_H

#include "lib/op/commit.h"

/*
 * Sets c->backing, the name that CHILD will record: relative if the names that led from CHILD to
 * BASE were, and else absolute.  0, or -1 recorded: ST_REFUSED if it is too long.
 */
int commit_rebase_plan(struct commit *c);

/*
 * Writes that name and BASE's format into the header of CHILD, which is held, and syncs it to disk.
 * The header is written by one write, so CHILD stands on TOP or on BASE.  0, or -1 recorded.
 * Blocks until qemu-img ends.
 */
int commit_rebase_run(struct commit *c);

#endif
