/*
 * commit_plan: which layers a commit is about, and why it is refused.
 */
#ifndef IMG_COMMIT_PLAN_H
#define IMG_COMMIT_PLAN_H

#include "lib/op/commit.h"

/*
 * Opens the layers of the image that the request names, none of which may be in use, finds TOP,
 * BASE and CHILD, and what an interrupted job has left to complete.  The caller calls
 * commit_plan_close(), also on failure.  0, or -1 recorded: ST_USAGE if BASE is not below TOP, or a
 * layer does not exist; ST_BUSY; ST_CORRUPT if a layer is dirty, damaged, or unfinished by another
 * job.  Blocks as storage does.
 */
int commit_plan_open(struct commit *c);

/*
 * Makes all other checks that need no lock, and adds up what is to be done.  Needs
 * commit_space_plan() before.  0, or -1 recorded: ST_REFUSED if another image needs a layer
 * that would change, or the result would show other bytes; ST_CORRUPT if BASE or CHILD is.  Blocks
 * until both are checked.
 */
int commit_plan_check(struct commit *c);

/* Closes the layers, which are needed no longer. */
void commit_plan_close_layers(struct commit *c);
void commit_plan_close(struct commit *c);

#endif
