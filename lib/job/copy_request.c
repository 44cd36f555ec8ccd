/*
 * copy_request: see copy_request.h.
 */
#include "lib/job/copy_request.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/job/parts.h"

const char *copy_request_path(const struct location *loc)
{
	return *loc->path ? loc->path : ".";
}

void copy_request_source(struct buf *args, const struct transfer *t)
{
	static const char *const compress[] = { "auto", "always", "never" };

	kv_add_bool(args, "stdin", t->from.is_stdio);
	kv_add_bool(args, "live", t->live);
	kv_add_bool(args, "as_is", t->as_is);
	kv_add_bool(args, "flatten", t->flatten);
	kv_add_bool(args, "must_parse", t->in_place || t->overwrite);
	if (t->has_stream_len)
		kv_add_u64(args, "stream_size", t->stream_len);
	if (t->taken) {
		kv_add_bool(args, "taken", true);
	} else {
		kv_add_bool(args, "snapshot", t->snapshot);
		if (t->snapshot_size)
			kv_add_u64(args, "snapshot_size", t->snapshot_size);
		kv_add(args, "pre", t->pre_snapshot);
		kv_add(args, "post", t->post_snapshot);
		kv_add(args, "qmp", t->qmp);
		kv_add(args, "libvirt", t->libvirt);
	}
	kv_add(args, "compress", t->archive ? "always" : compress[t->compress]);
	kv_add_u64(args, "jobs", t->jobs);
	kv_add_u64(args, "bwlimit", t->bwlimit);
}

int copy_request_target(struct buf *args, const struct transfer *t)
{
	char *base = location_base_name(&t->from);

	if (!base)
		return -1;
	kv_add_bool(args, "stdout", t->to.is_stdio);
	if (!t->to.is_stdio)
		kv_add(args, "path", copy_request_path(&t->to));
	if (!t->from.is_stdio)
		kv_add(args, "base", base);
	kv_add_bool(args, "archive", t->archive);
	kv_add_bool(args, "sparse", t->sparse);
	if (t->volume_len)
		kv_add_u64(args, "size", t->volume_len);
	kv_add_bool(args, "overwrite", t->overwrite);
	kv_add_bool(args, "in_place", t->in_place);
	kv_add_bool(args, "change_format", t->change_format);
	kv_add_bool(args, "into", t->into);
	kv_add_bool(args, "allow_links", t->allow_links);
	kv_add_bool(args, "no_fsync", t->no_fsync);
	kv_add_bool(args, "dry_run", t->dry_run);
	free(base);
	return 0;
}

/* As kv_get_u64(), but a number that no image can have is an error. */
static int get_count(const struct kv *kv, const char *key, uint64_t *out)
{
	int has = kv_get_u64(kv, key, out);

	if (has > 0 && *out > INT64_MAX)
		return err_set(
			ST_PEER, "protocol error: %s is %llu", key, (unsigned long long)*out);
	return has;
}

int copy_answer_source(
	const struct transfer *t, const struct kv *record, struct transfer_result *res)
{
	bool is_packed = false;
	int has;

	if (kv_get_bool(record, "consistent", &res->consistent) < 0)
		return -1;
	has = get_count(record, "capacity", &res->capacity);
	if (has < 0)
		return -1;
	res->has_capacity = has;
	if (get_count(record, "data", &res->expected_data) < 0)
		return -1;
	if (kv_get(record, "snapshot") && !(res->snapshot = strdup(kv_get(record, "snapshot"))))
		return err_set(ST_FAILED, "out of memory");
	res->unpacked = kv_get(record, "compression") && !t->archive;
	if (!res->consistent)
		log_warn("warning: %s: is in use; the copy may be inconsistent", t->from.text);
	parts_warn(t->from.text, record, "copied");
	if (kv_get_bool(record, "packed", &is_packed) < 0)
		return -1;
	if (is_packed && !t->as_is && !t->archive)
		log_warn("warning: %s: holds an lzop archive, which is copied as it is; restore "
			 "the copy with --as-is, or it is unpacked",
			t->from.text);
	return 0;
}

int copy_answer_target(const struct kv *record, struct transfer_result *res)
{
	const char *path = kv_get(record, "path");

	if (!path)
		return err_set(ST_PEER, "protocol error: a target without a path");
	if (kv_get_bool(record, "replaces", &res->replaces) < 0)
		return -1;
	res->target = strdup(path);
	return res->target ? 0 : err_set(ST_FAILED, "out of memory");
}

int copy_answer_counts(const struct kv *reply, struct transfer_result *res)
{
	const char *digest = kv_get(reply, "digest");
	struct hash h;

	if (get_count(reply, "capacity", &res->capacity) < 0 ||
		get_count(reply, "data_bytes", &res->data_bytes) < 0 ||
		get_count(reply, "hole_bytes", &res->hole_bytes) < 0)
		return -1;
	if (!digest || hash_from_hex(&h, digest) < 0)
		return err_set(ST_PEER, "protocol error: a reply without a digest");
	hash_hex(&h, res->digest);
	res->has_capacity = true;
	return 0;
}

int copy_answer_blocks(
	const struct transfer *t, const struct kv *reply, struct transfer_result *res)
{
	bool was_consistent = res->consistent;

	if (kv_get_bool(reply, "consistent", &res->consistent) < 0)
		return -1;
	if (was_consistent && !res->consistent)
		log_warn("warning: %s: came into use while it was read; the copy may be "
			 "inconsistent",
			t->from.text);
	if (get_count(reply, "compressed_blocks", &res->compressed_blocks) < 0 ||
		get_count(reply, "stored_blocks", &res->stored_blocks) < 0)
		return -1;
	return 0;
}

int copy_answer_record(struct peer *p, struct kv *record)
{
	int r = peer_answer(p, record);

	if (r == 0) {
		kv_fini(record);
		r = err_set(ST_PEER, "protocol error: the OK instead of a RECORD");
	}
	return r < 0 ? -1 : 0;
}

int copy_answer_ok(struct peer *p, struct kv *reply)
{
	int r = peer_answer(p, reply);

	if (r == 1) {
		kv_fini(reply);
		r = err_set(ST_PEER, "protocol error: a RECORD instead of the OK");
	}
	return r;
}

int copy_publish(struct peer *p)
{
	struct kv reply = KV_INIT;
	int r;

	if (cancel_is_set_by_now())
		return err_set(ST_FAILED, "interrupted");
	if (conn_send(peer_conn(p), WIRE_GO, NULL, 0) < 0)
		return -1;
	r = copy_answer_ok(p, &reply);
	kv_fini(&reply);
	return r;
}

int copy_blame(const struct location *loc)
{
	return err_wrap("%s", loc->text);
}
