/*
 * op: the table of operations with the keys of each, and what operations share.
 */
#include "lib/op/op.h"

#include <string.h>

#include "lib/base/err.h"

#define KEY(key, of_type, ...) { .name = (key), .type = KEY_##of_type, __VA_ARGS__ }

/* A dry run changes nothing. */
#define DRY_RUN KEY("dry_run", FLAG, .needs = RIGHT_READ, .spares = RIGHT_ALL & ~RIGHT_READ)

/* An archive replaces its image, and an image its archive. */
#define REPLACES (RIGHT_READ | RIGHT_CREATE | RIGHT_DELETE)

static const char *const compress_words[] = { "auto", "always", "never", NULL };
static const char *const compression_words[] = { "lzo", NULL };

/* How a flow runs; of every operation that reads or moves data. */
static const struct op_key flow_keys[] = {
	KEY("jobs", U64),
	KEY("bwlimit", U64),
	KEY("progress", FLAG),
	{ NULL },
};

/* The source of `read` and `copy`, without its path. */
static const struct op_key source_keys[] = {
	KEY("live", FLAG),
	KEY("as_is", FLAG),
	KEY("flatten", FLAG),
	KEY("must_parse", FLAG),
	KEY("stream_size", U64),
	KEY("snapshot", FLAG, .needs = RIGHT_SNAPSHOT),
	KEY("snapshot_size", U64),
	KEY("taken", FLAG),
	KEY("pre", TEXT, .needs = RIGHT_EXECUTE),
	KEY("post", TEXT, .needs = RIGHT_EXECUTE),
	KEY("qmp", PATH, .needs = RIGHT_EXECUTE),
	KEY("libvirt", TEXT, .needs = RIGHT_EXECUTE),
	KEY("compress", WORD, .words = compress_words),
	{ NULL },
};

/*
 * The target of `write` and `copy`.  Overwriting removes the existing image, or
 * fills it.  An image that is filled in place must exist, so nothing is created.
 */
static const struct op_key target_keys[] = {
	KEY("path", PATH, .instead = "stdout", .needs = RIGHT_CREATE),
	KEY("stdout", FLAG),
	KEY("base", NAME),
	KEY("into", FLAG),
	KEY("size", U64),
	KEY("archive", FLAG),
	KEY("sparse", FLAG),
	KEY("overwrite", FLAG, .needs = RIGHT_WRITE | RIGHT_DELETE),
	KEY("in_place", FLAG, .needs = RIGHT_WRITE, .spares = RIGHT_CREATE),
	KEY("change_format", FLAG),
	KEY("allow_links", FLAG),
	KEY("no_fsync", FLAG),
	DRY_RUN,
	{ NULL },
};

static const struct op_key info_keys[] = {
	KEY("path", PATH, .required = true),
	KEY("chain", FLAG),
	KEY("qmp", PATH),
	KEY("libvirt", TEXT),
	{ NULL },
};

static const struct op_key list_keys[] = {
	KEY("path", PATH),
	KEY("recursive", FLAG),
	{ NULL },
};

/* `digest` and `check`. */
static const struct op_key check_keys[] = {
	KEY("path", PATH, .required = true),
	KEY("live", FLAG),
	{ NULL },
};

static const struct op_key chain_keys[] = {
	KEY("chain", FLAG),
	{ NULL },
};

static const struct op_key digest_keys[] = {
	KEY("as_is", FLAG),
	KEY("flatten", FLAG),
	KEY("format_only", FLAG),
	{ NULL },
};

static const struct op_key create_keys[] = {
	KEY("path", PATH, .required = true),
	KEY("size", U64, .required = true),
	KEY("format", TEXT),
	KEY("backing", PATH, .needs = RIGHT_READ),
	KEY("volume_size", U64),
	KEY("sparse", FLAG),
	KEY("thin", TEXT),
	KEY("no_fsync", FLAG),
	DRY_RUN,
	{ NULL },
};

static const char *const how_words[] = { "more", "less", NULL };

/* Without how, size is the size that it gets. */
static const struct op_key resize_keys[] = {
	KEY("path", PATH, .required = true),
	KEY("size", U64, .required = true),
	KEY("how", WORD, .words = how_words),
	KEY("shrink", FLAG),
	KEY("as_raw", FLAG),
	KEY("physical", FLAG),
	KEY("fs", FLAG),
	KEY("in_place", FLAG),
	KEY("allow_links", FLAG),
	DRY_RUN,
	{ NULL },
};

/* Without size, the filesystem fills the image. */
static const struct op_key resizefs_keys[] = {
	KEY("path", PATH, .required = true),
	KEY("size", U64),
	KEY("shrink", FLAG),
	KEY("in_place", FLAG),
	KEY("allow_links", FLAG),
	DRY_RUN,
	{ NULL },
};

static const struct op_key delete_keys[] = {
	KEY("path", PATH, .required = true),
	KEY("force", FLAG),
	KEY("allow_links", FLAG),
	DRY_RUN,
	{ NULL },
};

/* name is TEXT, so that the operation can refuse a bad name with the better message. */
static const struct op_key rename_keys[] = {
	KEY("path", PATH, .required = true),
	KEY("name", TEXT, .required = true),
	KEY("allow_links", FLAG),
	DRY_RUN,
	{ NULL },
};

static const struct op_key archive_keys[] = {
	KEY("path", PATH, .required = true),
	KEY("keep", FLAG, .spares = RIGHT_DELETE),
	KEY("as_is", FLAG),
	KEY("sparse", FLAG),
	KEY("allow_links", FLAG),
	DRY_RUN,
	{ NULL },
};

static const struct op_key clean_keys[] = {
	KEY("path", PATH),
	DRY_RUN,
	{ NULL },
};

/* `snap` and `snapshots`. */
static const struct op_key snapping_keys[] = {
	KEY("path", PATH, .required = true, .repeats = true),
	KEY("size", U64),
	KEY("pre", TEXT, .needs = RIGHT_EXECUTE),
	KEY("post", TEXT, .needs = RIGHT_EXECUTE),
	KEY("qmp", PATH, .needs = RIGHT_EXECUTE),
	KEY("libvirt", TEXT, .needs = RIGHT_EXECUTE),
	{ NULL },
};

static const struct op_key snap_keys[] = {
	KEY("name", TEXT),
	DRY_RUN,
	{ NULL },
};

static const struct op_key snapshots_keys[] = {
	KEY("as_is", FLAG),
	DRY_RUN,
	{ NULL },
};

static const struct op_key commit_keys[] = {
	KEY("path", PATH, .required = true),
	KEY("top_layer", PATH),
	KEY("base_layer", PATH),
	KEY("qmp", PATH),
	KEY("libvirt", TEXT),
	KEY("delete", FLAG, .needs = RIGHT_DELETE),
	KEY("allow_links", FLAG),
	KEY("progress", FLAG),
	DRY_RUN,
	{ NULL },
};

static const struct op_key watch_keys[] = {
	KEY("path", PATH, .required = true, .repeats = true),
	KEY("qmp", PATH, .needs = RIGHT_EXECUTE),
	KEY("libvirt", TEXT, .needs = RIGHT_EXECUTE),
	KEY("once", FLAG),
	KEY("extend", U64, .needs = RIGHT_WRITE),
	KEY("reserve", U64),
	KEY("max", U64),
	KEY("min_free", U64),
	DRY_RUN,
	{ NULL },
};

static const struct op_key read_keys[] = {
	KEY("path", PATH, .instead = "stdin", .needs = RIGHT_READ),
	KEY("stdin", FLAG),
	DRY_RUN,
	KEY("coded_digest", FLAG),
	KEY("lanes", U64),
	{ NULL },
};

/* What the source's helper has reported of the image that is written. */
static const struct op_key write_keys[] = {
	KEY("capacity", U64),
	KEY("format", TEXT),
	KEY("compression", WORD, .words = compression_words),
	KEY("source_id", TEXT),
	KEY("mtime", U64),
	KEY("jobs", U64),
	KEY("lanes", U64),
	KEY("progress", FLAG),
	KEY("as_is", FLAG),
	{ NULL },
};

static const struct op_key copy_keys[] = {
	KEY("source", PATH, .instead = "stdin", .needs = RIGHT_READ),
	KEY("stdin", FLAG),
	KEY("want_digest", FLAG),
	{ NULL },
};

const struct op op_table[] = {
	{ "info", { RIGHT_READ, { info_keys } }, false, op_info },
	{ "list", { RIGHT_READ, { list_keys } }, false, op_list },
	{ "storage", { RIGHT_READ, { NULL } }, false, op_storage },
	{ "digest", { RIGHT_READ, { check_keys, digest_keys, flow_keys } }, false, op_digest },
	{ "check", { RIGHT_READ, { check_keys, chain_keys } }, false, op_check },
	{ "create", { RIGHT_CREATE, { create_keys } }, false, op_create },
	{ "resize", { RIGHT_WRITE, { resize_keys } }, false, op_resize },
	{ "resizefs", { RIGHT_WRITE, { resizefs_keys } }, false, op_resizefs },
	{ "delete", { RIGHT_DELETE, { delete_keys } }, false, op_delete },
	{ "rename", { RIGHT_CREATE | RIGHT_DELETE, { rename_keys } }, false, op_rename },
	{ "archive", { REPLACES, { archive_keys, flow_keys } }, false, op_archive },
	{ "unarchive", { REPLACES, { archive_keys, flow_keys } }, false, op_unarchive },
	{ "clean", { RIGHT_DELETE, { clean_keys } }, false, op_clean },
	{ "snap", { RIGHT_SNAPSHOT | RIGHT_CREATE, { snapping_keys, snap_keys } }, false, op_snap },
	{ "snapshots", { RIGHT_SNAPSHOT | RIGHT_READ, { snapping_keys, snapshots_keys } }, false,
		op_snapshots },
	{ "watch", { RIGHT_READ, { watch_keys } }, false, op_watch },
	{ "read", { 0, { read_keys, source_keys, flow_keys } }, true, op_read },
	{ "write", { 0, { write_keys, target_keys } }, true, op_write },
	{ "copy", { 0, { copy_keys, source_keys, target_keys, flow_keys } }, false, op_copy },
	{ "commit", { RIGHT_READ | RIGHT_WRITE, { commit_keys } }, false, op_commit },
	{ NULL },
};

bool op_may_mount(const struct session *s)
{
	return config_bool(config_get(s->user, "resize.mount")) != 0 &&
	       config_bool(config_get(s->system, "resize.mount")) != 0;
}

bool op_flag(const struct kv *request, const char *key)
{
	const char *value = kv_get(request, key);

	return value && *value == '1';
}

uint64_t op_u64(const struct kv *request, const char *key, uint64_t absent)
{
	uint64_t value = absent;

	kv_get_u64(request, key, &value);
	return value;
}

int op_wait_for_go(struct session *s, unsigned *lanes)
{
	struct frame *f;
	struct err e;
	int r = conn_recv(s->conn, &f);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(ST_PEER, "the client has closed the connection");
	if (f->type == WIRE_FAILED) {
		wire_error_parse(&e, f->payload, f->len);
		err_put(&e);
		s->has_answered = false; /* no block was sent, so the connection goes on */
		r = -1;
	} else if (f->type != WIRE_GO) {
		r = err_set(ST_PEER, "protocol error: %s instead of GO", wire_name(f->type));
	} else {
		*lanes = f->len ? f->payload[0] : 0;
		r = 0;
	}
	conn_release(s->conn, f);
	return r;
}

int op_record(struct session *s, const struct buf *record)
{
	if (buf_failed(record) < 0)
		return -1;
	s->has_answered = true;
	return conn_send(s->conn, WIRE_RECORD, record->data, record->len);
}

static void send_progress(void *arg, const struct wire_progress *p)
{
	uint8_t out[WIRE_PROGRESS_MAX];
	struct session *s = arg;
	size_t n = wire_progress_put(out, p);

	conn_send(s->conn, WIRE_PROGRESS, out, n);
}

void op_flow_options(struct session *s, const struct kv *request, struct flow_options *opt)
{
	const char *compress = kv_get(request, "compress");
	uint64_t jobs = op_u64(request, "jobs", 0);
	unsigned i = 0;

	memset(opt, 0, sizeof(*opt));
	opt->digest = true;
	while (compress && strcmp(compress, compress_words[i]) != 0)
		i++;
	opt->compress = (enum flow_compress)i;
	opt->jobs = jobs < FLOW_JOBS_MAX ? (unsigned)jobs : FLOW_JOBS_MAX;
	opt->coded_digest = op_flag(request, "coded_digest");
	opt->bwlimit = op_u64(request, "bwlimit", 0);
	if (op_flag(request, "progress")) {
		opt->progress = send_progress;
		opt->arg = s;
	}
}

void op_reply_stats(struct buf *reply, const struct flow_stats *stats)
{
	char hex[HASH_HEX];

	kv_add_u64(reply, "capacity", stats->end.len);
	kv_add_u64(reply, "data_bytes", stats->end.data_bytes - stats->zero_bytes);
	kv_add_u64(reply, "hole_bytes", stats->end.hole_bytes + stats->zero_bytes);
	kv_add_u64(reply, "coded_bytes", stats->coded_bytes);
	kv_add_u64(reply, "compressed_blocks", stats->compressed_blocks);
	kv_add_u64(reply, "stored_blocks", stats->stored_blocks);
	kv_add(reply, "digest", hash_hex(&stats->end.digest, hex));
	if (stats->has_coded)
		kv_add(reply, "coded_digest", hash_hex(&stats->coded, hex));
}
