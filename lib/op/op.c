/*
 * op: the table, and what operations share in reading requests.
 */
#include "lib/op/op.h"

#include <string.h>

#include "lib/base/err.h"

const struct op op_table[] = {
	{ "info", false, false, op_info },
	{ "list", false, false, op_list },
	{ "storage", false, false, op_storage },
	{ "digest", false, false, op_digest },
	{ "check", false, false, op_check },
	{ "create", true, false, op_create },
	{ "delete", true, false, op_delete },
	{ "rename", true, false, op_rename },
	{ "archive", true, false, op_archive },
	{ "unarchive", true, false, op_unarchive },
	{ "clean", true, false, op_clean },
	{ "snap", true, false, op_snap },
	{ "read", false, true, op_read },
	{ "write", true, true, op_write },
	{ "copy", true, false, op_copy },
	{ NULL, false, false, NULL },
};

const char *op_need(const struct kv *request, const char *key)
{
	const char *value = kv_get(request, key);

	if (!value || !*value) {
		err_set(ST_PEER, "protocol error: a request without '%s'", key);
		return NULL;
	}
	return value;
}

int op_flag(const struct kv *request, const char *key)
{
	bool set = false;

	if (kv_get_bool(request, key, &set) < 0)
		return -1;
	return set;
}

int op_record(struct session *s, const struct buf *record)
{
	if (buf_failed(record) < 0)
		return -1;
	return conn_send(s->conn, WIRE_RECORD, record->data, record->len);
}

static void progress(void *arg, uint64_t done, uint64_t total)
{
	uint8_t out[WIRE_PROGRESS_SIZE];
	struct session *s = arg;

	put_be64(out, done);
	put_be64(out + 8, total);
	conn_send(s->conn, WIRE_PROGRESS, out, sizeof(out));
}

int op_flow_options(struct session *s, const struct kv *request, struct flow_options *opt)
{
	static const char *const words[] = { "auto", "always", "never" };
	const char *compress = kv_get(request, "compress");
	uint64_t jobs = 0;
	unsigned i = 0;

	memset(opt, 0, sizeof(*opt));
	opt->digest = true;
	if (compress)
		while (i < 3 && strcmp(compress, words[i]) != 0)
			i++;
	if (i == 3)
		return err_set(ST_PEER, "protocol error: compress '%s'", compress);
	opt->compress = (enum flow_compress)i;
	if (kv_get_u64(request, "jobs", &jobs) < 0 ||
		kv_get_u64(request, "bwlimit", &opt->bwlimit) < 0)
		return -1;
	opt->jobs = jobs < FLOW_JOBS_MAX ? (unsigned)jobs : FLOW_JOBS_MAX;
	if (op_flag(request, "progress") == 1) {
		opt->progress = progress;
		opt->arg = s;
	}
	return 0;
}

void op_reply_stats(struct buf *reply, const struct flow_stats *stats)
{
	char hex[HASH_HEX];

	kv_add_u64(reply, "capacity", stats->end.len);
	kv_add_u64(reply, "data_bytes", stats->end.data_bytes);
	kv_add_u64(reply, "hole_bytes", stats->end.hole_bytes);
	kv_add_u64(reply, "coded_bytes", stats->coded_bytes);
	kv_add_u64(reply, "compressed_blocks", stats->compressed_blocks);
	kv_add_u64(reply, "stored_blocks", stats->stored_blocks);
	kv_add(reply, "digest", hash_hex(&stats->end.digest, hex));
}
