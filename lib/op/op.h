/*
 * op: the operations of the helper, a file each, in one table that both
 * dispatches and advertises them.
 *
 * An operation reads its request, may send records, and fills reply for the
 * OK; or returns -1 with an error recorded, which the server sends.  It undoes
 * what it did not finish before it returns.
 */
#ifndef IMG_OP_H
#define IMG_OP_H

#include "lib/base/config.h"
#include "lib/base/kv.h"
#include "lib/base/policy.h"
#include "lib/flow/flow.h"
#include "lib/wire/conn.h"

struct session {
	struct conn *conn;
	struct policy policy;
	const struct config *system, *user; /* defaults; the user's comes first */
	bool has_stdio; /* descriptors 0 and 1 are the user's: "-" may be used */
};

struct op {
	const char *name;
	bool writes;  /* changes something: not in a read-only helper */
	bool streams; /* it sends or takes blocks: an error in it ends the connection */
	int (*run)(struct session *s, const struct kv *request, struct buf *reply);
};

extern const struct op op_table[]; /* ends with a NULL name */

int op_info(struct session *s, const struct kv *request, struct buf *reply);
int op_list(struct session *s, const struct kv *request, struct buf *reply);
int op_storage(struct session *s, const struct kv *request, struct buf *reply);
int op_digest(struct session *s, const struct kv *request, struct buf *reply);
int op_check(struct session *s, const struct kv *request, struct buf *reply);
int op_rename(struct session *s, const struct kv *request, struct buf *reply);
int op_archive(struct session *s, const struct kv *request, struct buf *reply);
int op_unarchive(struct session *s, const struct kv *request, struct buf *reply);
int op_clean(struct session *s, const struct kv *request, struct buf *reply);
int op_create(struct session *s, const struct kv *request, struct buf *reply);
int op_delete(struct session *s, const struct kv *request, struct buf *reply);
int op_snap(struct session *s, const struct kv *request, struct buf *reply);
int op_read(struct session *s, const struct kv *request, struct buf *reply);
int op_write(struct session *s, const struct kv *request, struct buf *reply);
int op_copy(struct session *s, const struct kv *request, struct buf *reply);

/* For operations: the value of key, or NULL with ST_PEER recorded. */
const char *op_need(const struct kv *request, const char *key);

/* Whether the flag key is set; a bad value counts as an error: -1 recorded. */
int op_flag(const struct kv *request, const char *key);

/* Sends a record. 0 or -1 recorded. */
int op_record(struct session *s, const struct buf *record);

/* Fills the flow's options from compress, jobs, bwlimit. 0 or -1 recorded. */
int op_flow_options(struct session *s, const struct kv *request, struct flow_options *opt);

/* A flow's counts into a reply: capacity, data_bytes, hole_bytes, ... digest. */
void op_reply_stats(struct buf *reply, const struct flow_stats *stats);

#endif
