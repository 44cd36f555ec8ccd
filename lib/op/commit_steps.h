/*
 * commit_steps: the reply of a commit, as op_commit.c describes it.
 */
#ifndef IMG_COMMIT_STEPS_H
#define IMG_COMMIT_STEPS_H

#include "lib/base/buf.h"
#include "lib/op/commit.h"

/* Adds what is known before anything changes. */
void commit_steps_reply(const struct commit *c, struct buf *reply);

/* Adds c->after. */
void commit_steps_reply_end(const struct commit *c, struct buf *reply);

#endif
