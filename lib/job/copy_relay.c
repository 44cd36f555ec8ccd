/*
 * copy_relay: asks the source's helper what the source is, tells the target's
 * helper what to create, and only then lets the blocks move: over data lanes from helper to helper
 * (copy_lanes.h), or through this process, which passes them on.
 */
#include "lib/job/copy_relay.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/block/digest.h"
#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "lib/job/copy_failed.h"
#include "lib/job/copy_lanes.h"
#include "lib/job/copy_request.h"

struct copy_ends {
	const struct transfer *t;
	struct peer *from, *to;
	struct copy_lanes lanes;
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
	copy_lanes_request(&e->lanes, e->from, &args);
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

static int ask_target(struct copy_ends *e, const struct kv *source, struct kv *record,
	struct transfer_result *res)
{
	struct buf args = BUF_INIT;
	int r;

	if (res->has_capacity)
		kv_add_u64(&args, "capacity", res->capacity);
	kv_add(&args, "format", kv_get(source, "format"));
	kv_add(&args, "compression", kv_get(source, "compression"));
	kv_add(&args, "source_id", kv_get(source, "id"));
	kv_add(&args, "mtime", e->t->archive ? kv_get(source, "mtime") : NULL);
	if (e->t->as_is)
		kv_add_bool(&args, "as_is", true);
	kv_add_u64(&args, "jobs", e->t->jobs);
	copy_lanes_request(&e->lanes, e->to, &args);
	r = copy_request_target(&args, e->t);
	if (r == 0)
		r = peer_request(e->to, "write", &args);
	if (r == 0)
		r = copy_answer_record(e->to, record);
	if (r == 0)
		r = copy_answer_target(record, res);
	buf_fini(&args);
	return r < 0 ? copy_blame(&e->t->to) : 0;
}

/*
 * No block is to be sent.  Instead of the end of the connection, the source's helper gets an error
 * for its GO, since it may be asked for the next source, and may have the snapshots of others.
 * Keeps the recorded error.
 */
static void decline_source(struct copy_ends *e, const struct err *why)
{
	struct err recorded;
	struct kv kv;

	err_take(&recorded);
	if (conn_send_failed(peer_conn(e->from), why) == 0 && peer_answer(e->from, &kv) >= 0)
		kv_fini(&kv);
	err_put(&recorded);
}

/* Both helpers can be asked again.  0, or -1 recorded. */
static int end_dry_run(struct copy_ends *e)
{
	static const struct err why = { ST_FAILED, 0, "nothing is copied in a dry run" };
	struct kv reply = KV_INIT;
	int r;

	decline_source(e, &why);
	r = copy_answer_ok(e->to, &reply);
	kv_fini(&reply);
	return r < 0 ? copy_blame(&e->t->to) : 0;
}

static uint64_t channel_bytes(const struct copy_ends *e)
{
	if (e->t->to.host)
		return peer_bytes(e->to);
	return e->t->from.host ? peer_bytes(e->from) : 0;
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

static int blame(const struct copy_ends *e)
{
	return copy_failed(e->t, e->from, e->to, e->lanes.joined > 0);
}

/* Through this process. */
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
	source = source_wire(LANES_ONE(peer_conn(e->from)),
		res->has_capacity ? res->capacity : FLOW_LEN_UNKNOWN);
	if (source)
		source->data_len = res->expected_data;
	sink = sink_wire(LANES_ONE(peer_conn(e->to)), true);
	if (!source || !sink)
		goto out;
	peer_wakes(e->to, e->from);
	r = flow_run(source, sink, &opt, &stats);
	if (r < 0)
		blame(e);
out:
	source_free(source);
	sink_free(sink);
	return r;
}

/* The helpers move the blocks; one of them tells how far it is. */
static void watch_blocks(struct copy_ends *e)
{
	if (e->t->progress)
		peer_set_progress(copy_lanes_teller(&e->lanes), relay_progress, e);
	peer_wakes(e->to, e->from);
}

/* The source's helper gets GO last, as it then sends blocks. */
static int move_blocks(struct copy_ends *e, const struct kv *target, struct transfer_result *res)
{
	if (kv_get(target, "token") && copy_lanes_go(&e->lanes, e->to) < 0)
		return copy_blame(&e->t->to);
	if (e->lanes.joined)
		watch_blocks(e);
	if (copy_lanes_go(&e->lanes, e->from) < 0)
		return copy_blame(&e->t->from);
	return e->lanes.joined ? 0 : pass_blocks(e, res);
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

static void tell_sync(const struct copy_ends *e, const struct transfer_result *res)
{
	const struct wire_progress all = { .done = res->capacity, .total = res->capacity };

	if (e->t->progress)
		e->t->progress(e->t->arg, "sync", &all, wire_bytes(e));
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
		r = take_counts(e, &reply, res, &sent) < 0 ? -1
							   : copy_answer_blocks(e->t, &reply, res);
	kv_fini(&reply);
	/* A target that fails wakes this wait for the source's reply. */
	if (r < 0)
		return blame(e);
	tell_sync(e, res);
	r = copy_answer_record(e->to, &reply);
	if (r == 0)
		r = take_counts(e, &reply, &written, &received);
	kv_fini(&reply);
	if (r == 0 && (strcmp(res->digest, written.digest) != 0 ||
			      res->capacity != written.capacity || !hash_equal(&sent, &received)))
		r = err_set(ST_CORRUPT, "the digests of source and target differ");
	return r < 0 ? copy_blame(&e->t->to) : 0;
}

static int ask_both(struct copy_ends *e, struct kv *target, struct transfer_result *res)
{
	struct kv source = KV_INIT;
	struct err failed;
	int r = ask_source(e, &source, res);

	if (r == 0) {
		r = ask_target(e, &source, target, res);
		if (r < 0) {
			err_take(&failed);
			decline_source(e, &failed);
			err_put(&failed);
		}
	}
	if (r == 0)
		copy_lanes_start(&e->lanes, &source, target, res);
	kv_fini(&source);
	return r;
}

int copy_relay(
	const struct transfer *t, struct peer *from, struct peer *to, struct transfer_result *res)
{
	struct copy_ends e = { .t = t, .from = from, .to = to };
	struct kv target = KV_INIT;
	int r;

	copy_lanes_init(&e.lanes, t, from, to);
	e.wire_before = channel_bytes(&e);
	r = ask_both(&e, &target, res);
	if (r == 0 && t->dry_run) {
		r = end_dry_run(&e);
	} else if (r == 0) {
		r = move_blocks(&e, &target, res);
		if (r == 0)
			r = compare_digests(&e, res);
		peer_wakes(to, NULL);
		if (e.lanes.joined)
			peer_set_progress(copy_lanes_teller(&e.lanes), NULL, NULL);
		if (r == 0)
			r = copy_publish(to) < 0 ? copy_blame(&t->to) : 0;
		if (r == 0)
			res->wire_bytes = wire_bytes(&e);
	}
	copy_lanes_end(&e.lanes);
	kv_fini(&target);
	return r < 0 ? -1 : 0;
}
