/*
 * transfer: ask the source what it is, tell the target what to make, then let
 * the blocks run.  Nothing moves before both sides have agreed.
 */
#include "lib/job/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/flow/sink.h"
#include "lib/flow/source.h"

struct ends {
	const struct transfer *t;
	struct peer *from, *to;
};

/* The path that a helper is asked for: of "HOST:" the login's home. */
static const char *asked_path(const struct location *loc)
{
	return *loc->path ? loc->path : ".";
}

static void add_source_args(struct buf *args, const struct transfer *t)
{
	static const char *const compress[] = { "auto", "always", "never" };

	kv_add_bool(args, "live", t->live);
	kv_add(args, "compress", t->archive ? "always" : compress[t->compress]);
	kv_add_u64(args, "jobs", t->jobs);
	kv_add_u64(args, "bwlimit", t->bwlimit);
}

static int add_target_args(struct buf *args, const struct transfer *t)
{
	char *base = location_base_name(&t->from);

	if (!base)
		return -1;
	kv_add_bool(args, "stdio", t->to.is_stdio);
	if (!t->to.is_stdio)
		kv_add(args, "path", asked_path(&t->to));
	if (!t->from.is_stdio)
		kv_add(args, "base", base);
	kv_add_bool(args, "archive", t->archive);
	kv_add_bool(args, "sparse", t->sparse);
	kv_add_bool(args, "overwrite", t->overwrite);
	kv_add_bool(args, "allow_links", t->allow_links);
	kv_add_bool(args, "no_fsync", t->no_fsync);
	kv_add_bool(args, "dry_run", t->dry_run);
	free(base);
	return 0;
}

/* What a user should know of the source before it is copied. */
static int look_at_source(const struct transfer *t, const struct kv *record,
	struct transfer_result *res)
{
	const char *backing = kv_get(record, "backing");
	int has;

	if (kv_get_bool(record, "consistent", &res->consistent) < 0)
		return -1;
	has = kv_get_u64(record, "capacity", &res->capacity);
	if (has < 0)
		return -1;
	res->has_capacity = has;
	if (!res->consistent)
		log_warn("warning: %s: is being written to; the copy may be of no single point in time",
			t->from.text);
	if (backing)
		log_warn("warning: %s: has the backing file '%s', which is not copied",
			t->from.text, backing);
	return 0;
}

static int take_target(const struct kv *record, struct transfer_result *res)
{
	const char *path = kv_get(record, "path");

	if (!path)
		return err_set(ST_PEER, "protocol error: a target without a path");
	res->target = strdup(path);
	return res->target ? 0 : err_set(ST_FAILED, "out of memory");
}

static int take_counts(const struct kv *reply, struct transfer_result *res)
{
	const char *digest = kv_get(reply, "digest");
	struct hash h;

	if (kv_get_u64(reply, "capacity", &res->capacity) < 0 ||
		kv_get_u64(reply, "data_bytes", &res->data_bytes) < 0 ||
		kv_get_u64(reply, "hole_bytes", &res->hole_bytes) < 0)
		return -1;
	if (!digest || hash_from_hex(&h, digest) < 0)
		return err_set(ST_PEER, "protocol error: a reply without a digest");
	hash_hex(&h, res->digest);
	res->has_capacity = true;
	return 0;
}

static int take_blocks(const struct kv *reply, struct transfer_result *res)
{
	if (kv_get_u64(reply, "compressed_blocks", &res->compressed_blocks) < 0 ||
		kv_get_u64(reply, "stored_blocks", &res->stored_blocks) < 0)
		return -1;
	return 0;
}

/* One record, or -1. */
static int expect_record(struct peer *p, struct kv *record)
{
	int r = peer_answer(p, record);

	if (r == 0) {
		kv_fini(record);
		r = err_set(ST_PEER, "protocol error: OK where RECORD is due");
	}
	return r < 0 ? -1 : 0;
}

static int expect_ok(struct peer *p, struct kv *reply)
{
	int r = peer_answer(p, reply);

	if (r == 1) {
		kv_fini(reply);
		r = err_set(ST_PEER, "protocol error: RECORD where OK is due");
	}
	return r;
}

static int blame(const struct location *loc)
{
	return err_wrap("%s", loc->text);
}

/*
 * The records of a copy within a host.  *whose is the side that an error now
 * would be of.
 */
static int take_within(const struct transfer *t, struct peer *p, const struct location **whose,
	struct kv *reply, struct transfer_result *res)
{
	struct kv record;
	int r;

	*whose = &t->from;
	if (expect_record(p, &record) < 0)
		return -1;
	r = look_at_source(t, &record, res);
	kv_fini(&record);
	if (r < 0)
		return -1;
	*whose = &t->to;
	if (expect_record(p, &record) < 0)
		return -1;
	r = take_target(&record, res);
	kv_fini(&record);
	if (r < 0)
		return -1;
	while ((r = peer_answer(p, &record)) == 1) {
		if (kv_get(&record, "failed"))
			*whose = &t->from;
		kv_fini(&record);
	}
	if (r == 0)
		*reply = record;
	return r;
}

/* Both on one host: its helper does it all. */
static int copy_within(const struct transfer *t, struct peer *p, struct transfer_result *res)
{
	const struct location *whose = &t->from;
	struct buf args = BUF_INIT;
	struct kv reply = KV_INIT;
	bool has_digest = true;
	int r = -1;

	add_source_args(&args, t);
	if (!t->from.is_stdio)
		kv_add(&args, "source", asked_path(&t->from));
	kv_add_bool(&args, "progress", t->progress != NULL);
	kv_add_bool(&args, "want_digest", t->want_digest);
	if (add_target_args(&args, t) < 0 || peer_request(p, "copy", &args) < 0 ||
		take_within(t, p, &whose, &reply, res) < 0)
		goto out;
	if (!t->dry_run && (take_counts(&reply, res) < 0 || take_blocks(&reply, res) < 0 ||
				   kv_get_bool(&reply, "cloned", &res->cloned) < 0 ||
				   kv_get_bool(&reply, "has_digest", &has_digest) < 0))
		goto out;
	if (!has_digest)
		res->digest[0] = '\0';
	r = 0;
out:
	buf_fini(&args);
	kv_fini(&reply);
	return r < 0 ? blame(whose) : 0;
}

/* The source's half of the agreement; on return its helper waits for GO. */
static int ask_source(struct ends *e, struct kv *record, struct transfer_result *res)
{
	struct buf args = BUF_INIT;
	int r;

	add_source_args(&args, e->t);
	kv_add_bool(&args, "stdio", e->t->from.is_stdio);
	if (!e->t->from.is_stdio)
		kv_add(&args, "path", asked_path(&e->t->from));
	r = peer_request(e->from, "read", &args);
	if (r == 0)
		r = expect_record(e->from, record);
	if (r == 0)
		r = look_at_source(e->t, record, res);
	buf_fini(&args);
	return r < 0 ? blame(&e->t->from) : 0;
}

static int ask_target(struct ends *e, const struct kv *source, struct transfer_result *res)
{
	struct buf args = BUF_INIT;
	struct kv record = KV_INIT;
	int r;

	if (res->has_capacity)
		kv_add_u64(&args, "capacity", res->capacity);
	kv_add(&args, "compression", kv_get(source, "compression"));
	kv_add(&args, "source_id", kv_get(source, "id"));
	kv_add_u64(&args, "jobs", e->t->jobs);
	r = add_target_args(&args, e->t);
	if (r == 0)
		r = peer_request(e->to, "write", &args);
	if (r == 0)
		r = expect_record(e->to, &record);
	if (r == 0)
		r = take_target(&record, res);
	kv_fini(&record);
	buf_fini(&args);
	return r < 0 ? blame(&e->t->to) : 0;
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
		return blame(&e->t->to);
	}
	if (conn_failed(peer_conn(e->to), NULL))
		err_set(ST_PEER, "the helper was lost");
	else
		return blame(&e->t->from);
	return blame(&e->t->to);
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
		return blame(&e->t->from);
	source = source_wire(peer_conn(e->from),
		res->has_capacity ? res->capacity : FLOW_LEN_UNKNOWN);
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
	r = expect_ok(e->from, &reply);
	if (r == 0)
		r = take_counts(&reply, res) < 0 ? -1 : take_blocks(&reply, res);
	kv_fini(&reply);
	if (r < 0)
		return blame(&e->t->from);
	memcpy(source_digest, res->digest, sizeof(source_digest));
	r = expect_ok(e->to, &reply);
	if (r == 0)
		r = take_counts(&reply, res);
	kv_fini(&reply);
	if (r == 0 && strcmp(source_digest, res->digest) != 0)
		r = err_set(ST_CORRUPT, "the digests of source and target differ");
	if (r < 0)
		return blame(&e->t->to);
	res->wire_bytes = wire_bytes(e);
	return 0;
}

static int copy_across(struct ends *e, struct transfer_result *res)
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

/* "-" is the user's own, so it never goes through sudo. */
static bool one_helper(const struct transfer *t, const struct peer_options *opt)
{
	if (!location_same_host(&t->from, &t->to))
		return false;
	return !(opt->sudo & PEER_SUDO_HERE) || t->from.is_stdio == t->to.is_stdio;
}

static void on_within(void *arg, uint64_t done, uint64_t total)
{
	const struct transfer *t = arg;

	t->progress(t->arg, "copy", done, total, 0);
}

int transfer_run(const struct transfer *t, const struct peer_options *opt,
	struct transfer_result *res)
{
	struct peer_options own = *opt;
	struct ends e = { .t = t };
	int64_t began = io_now_ms();
	int r = -1;

	memset(res, 0, sizeof(*res));
	res->consistent = true;
	if (one_helper(t, opt)) {
		if (t->progress) {
			own.progress = on_within;
			own.arg = (void *)(uintptr_t)t;
		}
		e.from = peer_open(t->to.is_stdio ? &t->from : &t->to, &own);
		r = e.from ? copy_within(t, e.from, res) : blame(&t->from);
	} else if (!(e.from = peer_open(&t->from, opt))) {
		blame(&t->from);
	} else if (!(e.to = peer_open(&t->to, opt))) {
		blame(&t->to);
	} else {
		r = copy_across(&e, res);
	}
	/* The target's helper undoes first: it may wait for nobody else. */
	peer_close(e.to);
	peer_close(e.from);
	res->seconds = (double)(io_now_ms() - began) / 1000;
	if (r < 0) {
		free(res->target);
		res->target = NULL;
	}
	return r;
}
