/*
 * copy_relay: asks the source's helper what the source is, tells the target's
 * helper what to create, and only then passes the blocks on.  No block moves
 * before both helpers have accepted their request.
 */
#include "lib/job/copy_relay.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/block/digest.h"
#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "lib/job/copy_request.h"

struct copy_ends {
	const struct transfer *t;
	struct peer *from, *to;
	uint64_t wire_before; /* what an earlier copy has sent over the same channel */
};

/* On return the source's helper waits for GO. */
static int ask_source(struct copy_ends *e, struct kv *record, struct transfer_result *res)
{
	struct buf args = BUF_INIT;
	int r;

	copy_request_source(&args, e->t);
	kv_add_bool(&args, "dry_run", e->t->dry_run);
	kv_add_bool(&args, "coded_digest", e->t->archive);
	if (!e->t->from.is_stdio)
		kv_add(&args, "path", copy_request_path(&e->t->from));
	r = peer_request(e->from, "read", &args);
	if (r == 0)
		r = copy_answer_record(e->from, record);
	if (r == 0)
		r = copy_answer_source(e->t, record, res);
	buf_fini(&args);
	return r < 0 ? copy_blame(&e->t->from) : 0;
}

static int ask_target(struct copy_ends *e, const struct kv *source, struct transfer_result *res)
{
	struct buf args = BUF_INIT;
	struct kv record = KV_INIT;
	int r;

	if (res->has_capacity)
		kv_add_u64(&args, "capacity", res->capacity);
	kv_add(&args, "format", kv_get(source, "format"));
	kv_add(&args, "compression", kv_get(source, "compression"));
	kv_add(&args, "source_id", kv_get(source, "id"));
	kv_add(&args, "mtime", e->t->archive ? kv_get(source, "mtime") : NULL);
	kv_add_u64(&args, "jobs", e->t->jobs);
	r = copy_request_target(&args, e->t);
	if (r == 0)
		r = peer_request(e->to, "write", &args);
	if (r == 0)
		r = copy_answer_record(e->to, &record);
	if (r == 0)
		r = copy_answer_target(&record, res);
	kv_fini(&record);
	buf_fini(&args);
	return r < 0 ? copy_blame(&e->t->to) : 0;
}

/*
 * The target has failed before any block was sent.  Instead of the end of the connection, the
 * source's helper gets that error, since it has the snapshots of other sources.
 */
static void decline_source(struct copy_ends *e)
{
	struct kv kv;
	struct err target;

	err_take(&target);
	if (conn_send_failed(peer_conn(e->from), &target) == 0 && peer_answer(e->from, &kv) >= 0)
		kv_fini(&kv);
	err_put(&target);
}

static uint64_t channel_bytes(const struct copy_ends *e)
{
	if (e->t->to.host)
		return conn_bytes(peer_conn(e->to));
	return e->t->from.host ? conn_bytes(peer_conn(e->from)) : 0;
}

static uint64_t wire_bytes(const struct copy_ends *e)
{
	return channel_bytes(e) - e->wire_before;
}

static void relay_progress(void *arg, const struct wire_progress *p)
{
	struct copy_ends *e = arg;

	e->t->progress(e->t->arg, "copy", p, wire_bytes(e));
}

/* An error while blocks are passed on belongs to the peer that reported one. */
static int blame_failed_peer(struct copy_ends *e)
{
	struct err error;

	if (conn_failed(peer_conn(e->to), &error) && error.status != ST_OK) {
		err_put(&error);
		return copy_blame(&e->t->to);
	}
	if (conn_failed(peer_conn(e->to), NULL))
		err_set(ST_PEER, "the helper was lost");
	else
		return copy_blame(&e->t->from);
	return copy_blame(&e->t->to);
}

static int pass_blocks(struct copy_ends *e, struct transfer_result *res)
{
	struct flow_options opt = { .jobs = 1 };
	struct flow_stats stats;
	struct source *source = NULL;
	struct sink *sink = NULL;
	int r = -1;

	if (e->t->progress) {
		opt.progress = relay_progress;
		opt.arg = e;
	}
	if (conn_send(peer_conn(e->from), WIRE_GO, NULL, 0) < 0)
		return copy_blame(&e->t->from);
	source = source_wire(
		peer_conn(e->from), res->has_capacity ? res->capacity : FLOW_LEN_UNKNOWN);
	if (source)
		source->data_len = res->expected_data;
	sink = sink_wire(peer_conn(e->to), true);
	if (!source || !sink)
		goto out;
	peer_wakes(e->to, e->from);
	r = flow_run(source, sink, &opt, &stats);
	peer_wakes(e->to, NULL);
	if (r < 0)
		blame_failed_peer(e);
out:
	source_free(source);
	sink_free(sink);
	return r;
}

/* What one end says of the blocks.  0, or -1 recorded. */
static int take_counts(const struct copy_ends *e, const struct kv *reply,
	struct transfer_result *res, struct hash *coded)
{
	const char *hex = kv_get(reply, "coded_digest");

	if (copy_answer_counts(reply, res) < 0)
		return -1;
	if (e->t->archive && (!hex || hash_from_hex(coded, hex) < 0))
		return err_set(ST_PEER, "protocol error: a reply without a digest of its blocks");
	return 0;
}

/*
 * After the END: the source's last word, and the target's, that it has synced what it
 * received.  Only if they agree is the target told to publish it.
 */
static int compare_digests(struct copy_ends *e, struct transfer_result *res)
{
	struct hash sent = { { 0 } }, received = { { 0 } };
	struct transfer_result written = { .seconds = 0 };
	struct kv reply = KV_INIT;
	int r;

	r = copy_answer_ok(e->from, &reply);
	if (r == 0)
		r = take_counts(e, &reply, res, &sent) < 0 ? -1 : copy_answer_blocks(&reply, res);
	kv_fini(&reply);
	/* A target that fails at the very end wakes this wait for the source's reply. */
	if (r < 0)
		return blame_failed_peer(e);
	r = copy_answer_record(e->to, &reply);
	if (r == 0)
		r = take_counts(e, &reply, &written, &received);
	kv_fini(&reply);
	if (r == 0 && (strcmp(res->digest, written.digest) != 0 ||
			      res->capacity != written.capacity || !hash_equal(&sent, &received)))
		r = err_set(ST_CORRUPT, "the digests of source and target differ");
	return r < 0 ? copy_blame(&e->t->to) : 0;
}

static int publish(struct copy_ends *e)
{
	struct kv reply = KV_INIT;
	int r = conn_send(peer_conn(e->to), WIRE_GO, NULL, 0);

	if (r == 0)
		r = copy_answer_ok(e->to, &reply);
	kv_fini(&reply);
	return r < 0 ? copy_blame(&e->t->to) : 0;
}

int copy_relay(
	const struct transfer *t, struct peer *from, struct peer *to, struct transfer_result *res)
{
	struct copy_ends e = { .t = t, .from = from, .to = to };
	struct wire_progress all = { .left = 0 };
	struct kv source = KV_INIT;
	int r;

	e.wire_before = channel_bytes(&e);
	r = ask_source(&e, &source, res);
	if (r == 0) {
		r = ask_target(&e, &source, res);
		if (r < 0 && t->taken)
			decline_source(&e);
	}
	kv_fini(&source);
	if (r < 0 || t->dry_run)
		return r;
	if (pass_blocks(&e, res) < 0)
		return -1;
	if (t->progress) {
		all.done = all.total = res->capacity;
		t->progress(t->arg, "sync", &all, wire_bytes(&e));
	}
	if (compare_digests(&e, res) < 0 || publish(&e) < 0)
		return -1;
	res->wire_bytes = wire_bytes(&e);
	return 0;
}
