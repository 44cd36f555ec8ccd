/*
 * commit_follow: waits for the end of a job of QEMU.
 */
#ifndef IMG_COMMIT_FOLLOW_H
#define IMG_COMMIT_FOLLOW_H

#include "lib/op/commit_guest.h"

/*
 * Follows the job c->job until it has ended: sends the progress, lets it go on when a disk that was
 * full has space again, and lets the guest use BASE when it is ready for that.  0: it has
 * succeeded; or -1 recorded: it has failed (ST_NOROOM, ST_FAILED), or cannot be followed further.
 */
int commit_follow_job(struct commit *c);

#endif
