/*
 * commit_live: the commit of an image that a running guest has open.
 *
 * QEMU does it as a job with a name, by which the same command finds it again if this process ends
 * before the job does (commit_guest.h).
 *
 *	plan | mark BASE | enlarge BASE | start the job | follow it (commit_follow.h) |
 *	check what it has written | forget the job | delete layers | remove the mark
 *
 * QEMU lets CHILD stand on BASE at the end of the job or, if TOP is IMAGE, lets the guest use BASE.
 * In the second case, nothing in the layers tells that, so the mark is removed before QEMU is told
 * to: the same command must never write over what the guest has written to BASE.  If the job fails
 * after that, BASE is marked again.
 */
#ifndef IMG_COMMIT_LIVE_H
#define IMG_COMMIT_LIVE_H

#include "lib/base/buf.h"
#include "lib/op/commit.h"

/* Whether the request names a running guest. */
bool commit_live_is_wanted(const struct commit *c);

/* Does it, and writes the reply.  The caller calls commit_plan_close(). */
int commit_live_run(struct commit *c, struct buf *reply);

#endif
