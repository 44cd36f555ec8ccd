/*
 * across: a copy between two helpers, with this process as the relay between
 * them.  Ask the source what it is, tell the target what to make, then let the
 * blocks run: nothing moves before both sides have agreed.
 */
#include "lib/job/ways.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "lib/job/talk.h"

struct ends {
	const struct transfer *t;
	struct peer *from, *to;
};

/* The source's half of the agreement; on return its helper waits for GO. */
static int ask_source(struct ends *e, struct kv *record, struct transfer_result *res)
{
	struct buf args = BUF_INIT;
	int r;

	talk_add_source_args(&args, e->t);
	kv_add_bool(&args, "dry_run", e->t->dry_run);
	if (!e->t->from.is_stdio)
		kv_add(&args, "path", talk_asked_path(&e->t->from));
	r = peer_request(e->from, "read", &args);
	if (r == 0)
		r = talk_expect_record(e->from, record);
	if (r == 0)
		r = talk_look_at_source(e->t, record, res);
	buf_fini(&args);
	return r < 0 ? talk_blame(&e->t->from) : 0;
}

static int ask_target(struct ends *e, const struct kv *source, struct transfer_result *res)
{
	struct buf args = BUF_INIT;
	struct kv record = KV_INIT;
	int r;

	if (res->has_capacity)
		kv_add_u64(&args, "capacity", res->capacity);
	kv_add(&args, "format", kv_get(source, "format"));
	kv_add(&args, "compression", kv_get(source, "compression"));
	kv_add(&args, "source_id", kv_get(source, "id"));
	kv_add_u64(&args, "jobs", e->t->jobs);
	r = talk_add_target_args(&args, e->t);
	if (r == 0)
		r = peer_request(e->to, "write", &args);
	if (r == 0)
		r = talk_expect_record(e->to, &record);
	if (r == 0)
		r = talk_take_target(&record, res);
	kv_fini(&record);
	buf_fini(&args);
	return r < 0 ? talk_blame(&e->t->to) : 0;
}

static uint64_t wire_bytes(const struct ends *e)
{
	if (e->t->to.host)
		return conn_bytes(peer_conn(e->to));
	return e->t->from.host ? conn_bytes(peer_conn(e->from)) : 0;
}

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
	struct ends *e = arg;

	e->t->progress(e->t->arg, "copy", done, total, wire_bytes(e));
}

/* An error in the relay is that of the peer which had one. */
static int blame_relay(struct ends *e)
{
	struct err error;

	if (conn_failed(peer_conn(e->to), &error) && error.status != ST_OK) {
		err_put(&error);
		return talk_blame(&e->t->to);
	}
	if (conn_failed(peer_conn(e->to), NULL))
		err_set(ST_PEER, "the helper was lost");
	else
		return talk_blame(&e->t->from);
	return talk_blame(&e->t->to);
}

static int relay(struct ends *e, struct transfer_result *res)
{
	struct flow_options opt = { .jobs = 1 };
	struct flow_stats stats;
	struct source *source = NULL;
	struct sink *sink = NULL;
	int r = -1;

	if (e->t->progress) {
		opt.progress = on_progress;
		opt.arg = e;
	}
	if (conn_send(peer_conn(e->from), WIRE_GO, NULL, 0) < 0)
		return talk_blame(&e->t->from);
	source = source_wire(
		peer_conn(e->from), res->has_capacity ? res->capacity : FLOW_LEN_UNKNOWN);
	sink = sink_wire(peer_conn(e->to), true);
	if (!source || !sink)
		goto out;
	peer_wakes(e->to, e->from);
	r = flow_run(source, sink, &opt, &stats);
	peer_wakes(e->to, NULL);
	if (r < 0)
		blame_relay(e);
out:
	source_free(source);
	sink_free(sink);
	return r;
}

/* After the END: the target's word that all is on disk, and the source's. */
static int settle(struct ends *e, struct transfer_result *res)
{
	struct kv reply = KV_INIT;
	char source_digest[HASH_HEX];
	int r;

	if (e->t->progress)
		e->t->progress(e->t->arg, "sync", res->capacity, res->capacity, wire_bytes(e));
	r = talk_expect_ok(e->from, &reply);
	if (r == 0)
		r = talk_take_counts(&reply, res) < 0 ? -1 : talk_take_blocks(&reply, res);
	kv_fini(&reply);
	/* The target may have failed at the very end, and stopped what waits for the source. */
	if (r < 0)
		return blame_relay(e);
	memcpy(source_digest, res->digest, sizeof(source_digest));
	r = talk_expect_ok(e->to, &reply);
	if (r == 0)
		r = talk_take_counts(&reply, res);
	kv_fini(&reply);
	if (r == 0 && strcmp(source_digest, res->digest) != 0)
		r = err_set(ST_CORRUPT, "the digests of source and target differ");
	if (r < 0)
		return talk_blame(&e->t->to);
	res->wire_bytes = wire_bytes(e);
	return 0;
}

static int run(struct ends *e, struct transfer_result *res)
{
	struct kv source = KV_INIT;
	int r = ask_source(e, &source, res);

	if (r == 0)
		r = ask_target(e, &source, res);
	kv_fini(&source);
	if (r < 0 || e->t->dry_run)
		return r;
	if (relay(e, res) < 0)
		return -1;
	return settle(e, res);
}

int across_copy(
	const struct transfer *t, struct peer *from, struct peer *to, struct transfer_result *res)
{
	struct ends e = { t, from, to };

	return run(&e, res);
}
