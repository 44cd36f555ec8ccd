/*
 * talk: the requests and answers of a transfer, read with the distrust that a
 * peer's words deserve.  What returns int returns 0, or -1 with an error
 * recorded.
 */
#ifndef IMG_TALK_H
#define IMG_TALK_H

#include "lib/base/kv.h"
#include "lib/job/transfer.h"

/* The path that a helper is asked for: of "HOST:" the login's home. */
const char *talk_asked_path(const struct location *loc);

/* The pairs of a request that say how to read, and what to write. */
void talk_add_source_args(struct buf *args, const struct transfer *t);
int talk_add_target_args(struct buf *args, const struct transfer *t);

/* From the source's record: its capacity, and what the user should know of it. */
int talk_look_at_source(
	const struct transfer *t, const struct kv *record, struct transfer_result *res);

/* From the target's record: where it is. */
int talk_take_target(const struct kv *record, struct transfer_result *res);

/* From a reply: what was moved; and in how many blocks of which form. */
int talk_take_counts(const struct kv *reply, struct transfer_result *res);
int talk_take_blocks(const struct kv *reply, struct transfer_result *res);

/* Exactly a RECORD, or exactly the OK; the caller frees the pairs.  Block. */
int talk_expect_record(struct peer *p, struct kv *record);
int talk_expect_ok(struct peer *p, struct kv *reply);

/* Puts the location before the recorded error.  Returns -1. */
int talk_blame(const struct location *loc);

#endif
