/*
 * op: the operations of the helper, a file each, in one table that dispatches
 * them, advertises them and says which keys their requests have (schema.h).
 *
 * An operation gets a request that was checked against its schema.  It may send records.  Then it
 * returns 0, with the keys of the OK in reply, or -1 with an error recorded, which the server
 * sends.  Before that it rolls back what it did not complete.  It blocks as long as it takes, and
 * ends early when cancel_is_set().
 */
#ifndef IMG_OP_H
#define IMG_OP_H

#include "lib/base/config.h"
#include "lib/base/kv.h"
#include "lib/base/policy.h"
#include "lib/flow/flow.h"
#include "lib/op/schema.h"
#include "lib/wire/conn.h"

struct snapping;

struct session {
	struct conn *conn;
	struct policy policy;
	const struct config *system, *user; /* defaults; the user's file takes precedence */
	bool has_stdio;		/* descriptors 0 and 1 are the user's, so "-" may be used */
	unsigned rights;	/* what requests may do: a set of enum schema_right */
	bool has_answered;	/* the running request: it has sent a record */
	struct snapping *taken; /* what `snapshots` took for the next requests; owned; or NULL */
};

struct op {
	const char *name;
	struct schema schema;
	bool streams; /* after its first record it sends or receives blocks, so that an error
			 ends the connection */
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
int op_resize(struct session *s, const struct kv *request, struct buf *reply);
int op_resizefs(struct session *s, const struct kv *request, struct buf *reply);
int op_delete(struct session *s, const struct kv *request, struct buf *reply);
int op_watch(struct session *s, const struct kv *request, struct buf *reply);
int op_snap(struct session *s, const struct kv *request, struct buf *reply);
int op_snapshots(struct session *s, const struct kv *request, struct buf *reply);
int op_read(struct session *s, const struct kv *request, struct buf *reply);
int op_write(struct session *s, const struct kv *request, struct buf *reply);
int op_copy(struct session *s, const struct kv *request, struct buf *reply);
int op_commit(struct session *s, const struct kv *request, struct buf *reply);

/* Of a checked request: whether a flag is set; a number, or absent if the key is absent. */
bool op_flag(const struct kv *request, const char *key);
uint64_t op_u64(const struct kv *request, const char *key, uint64_t absent);

/*
 * Whether the configuration allows to mount a filesystem in order to resize it.  "no" in either
 * file counts, since a user cannot allow what the host refuses.
 */
bool op_may_mount(const struct session *s);

/*
 * Waits for the client's GO, which sets *lanes to the number of data lanes.  0; or -1 recorded if
 * the client closes the connection instead, or sends FAILED, after which it may send the next
 * request.
 */
int op_wait_for_go(struct session *s, unsigned *lanes);

/* Sends a record.  0, or -1 recorded. */
int op_record(struct session *s, const struct buf *record);

/* Sets the options of a flow from compress, jobs, bwlimit and progress of a checked request. */
void op_flow_options(struct session *s, const struct kv *request, struct flow_options *opt);

/*
 * Adds the counts of a flow to a reply: capacity, data_bytes, hole_bytes, coded_bytes (all in
 * bytes), compressed_blocks, stored_blocks; digest; and coded_digest, if it was computed.
 */
void op_reply_stats(struct buf *reply, const struct flow_stats *stats);

#endif
