/*
 * copy_request: the requests of a copy, and what the helpers answer to them.
 *
 * A peer's answer is validated before anything of it is used.  What returns int
 * returns 0, or -1 with an error recorded: ST_PEER for an invalid answer.
 */
#ifndef IMG_COPY_REQUEST_H
#define IMG_COPY_REQUEST_H

#include "lib/base/kv.h"
#include "lib/job/transfer.h"

/* The path to ask a helper for; "HOST:" alone is the login's home. */
const char *copy_request_path(const struct location *loc);

/* Append the keys that say how the source is read, and how the target is written. */
void copy_request_source(struct buf *args, const struct transfer *t);
int copy_request_target(struct buf *args, const struct transfer *t);

/* Receive exactly one RECORD, or exactly the OK; the caller frees the pairs.  Block. */
int copy_answer_record(struct peer *p, struct kv *record);
int copy_answer_ok(struct peer *p, struct kv *reply);

/* Takes the source's record into res, and warns of what its user should know. */
int copy_answer_source(
	const struct transfer *t, const struct kv *record, struct transfer_result *res);

/* Takes the target's record into res: its resolved path. */
int copy_answer_target(const struct kv *record, struct transfer_result *res);

/* Take from a final reply: how much was copied, and how many blocks were compressed; the source's
   also whether it is consistent, of which a warning is printed if its record was too hopeful. */
int copy_answer_counts(const struct kv *reply, struct transfer_result *res);
int copy_answer_blocks(
	const struct transfer *t, const struct kv *reply, struct transfer_result *res);

/*
 * Tells the target's helper to publish what it has synced, and receives its OK.  Fails if this
 * process was interrupted before.  Blocks.
 */
int copy_publish(struct peer *p);

/* Puts the location before the recorded error.  Returns -1. */
int copy_blame(const struct location *loc);

#endif
