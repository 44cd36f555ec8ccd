/*
 * command: see command.h.
 */
#include "lib/cli/command.h"

#include <string.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/cli/each.h"
#include "lib/cli/progress.h"
#include "lib/cli/usage.h"

int command_failed(struct command *c, const struct kv *record)
{
	uint64_t status = ST_FAILED;

	if (kv_get_u64(record, "status", &status) < 0)
		return -1;
	if (!c->failed)
		c->failed = (int)(status && status <= ST_MAX ? status : ST_FAILED);
	return 0;
}

static int check_location(const struct location *loc, void *arg)
{
	const struct command *c = arg;

	if (c->path == COMMAND_PATH_IMAGE && !*loc->path)
		return usage_error("names a host, not an image");
	return 0;
}

static void command_add_keys(const struct command *c, const struct location *loc, struct buf *args)
{
	if (*loc->path || c->path != COMMAND_PATH_OPTIONAL)
		kv_add(args, "path", *loc->path ? loc->path : ".");
	buf_add(args, c->keys.data, c->keys.len);
	if (c->changes)
		kv_add_bool(args, "dry_run", c->cli.dry_run);
	if (c->phase)
		kv_add_bool(args, "progress", progress_is_on());
}

/* Checks what the protocol promises of an answer with so many records.  0, or -1 recorded. */
static int command_check(
	const struct command *c, size_t records, const struct kv *record, const struct kv *reply)
{
	if (c->record && records == 0)
		return err_set(ST_PEER, "protocol error: an OK instead of a RECORD");
	if (c->record && !c->each && kv_need(record, "a RECORD", c->record) < 0)
		return -1;
	return c->reply ? kv_need(reply, "an OK", c->reply) : 0;
}

/* The request and all its answers. */
static int command_ask(struct command *c, struct peer *p, const struct location *loc,
	struct kv *record, struct kv *reply, json_t *o)
{
	struct buf args = BUF_INIT;
	size_t records = 0;
	struct kv kv;
	int r;

	command_add_keys(c, loc, &args);
	if (!c->each)
		r = peer_call(p, c->op, &args, record, reply);
	else if (c->cli.json || c->is_short) /* each() keeps what it adds to o */
		r = peer_request(p, c->op, &args);
	else
		r = peer_request_list(p, c->op, &args);
	buf_fini(&args);
	if (r < 0)
		return r;
	if (!c->each)
		return command_check(c, record->count > 0, record, reply);
	while ((r = peer_answer(p, &kv)) == 1) {
		records++;
		r = c->record ? kv_need(&kv, "a RECORD", c->record) : 0;
		if (r == 0)
			r = c->each(c, loc, &kv, o);
		kv_fini(&kv);
		if (r < 0)
			return -1;
	}
	if (r < 0)
		return -1;
	*reply = kv;
	return command_check(c, records, record, reply);
}

static int command_run_one(struct peer *p, const struct location *loc, void *arg)
{
	struct command *c = arg;
	struct kv record = KV_INIT, reply = KV_INIT;
	json_t *o = results_object(loc->text);
	uint64_t capacity;
	int r;

	if (c->phase)
		progress_item(loc->text, ++c->begun, c->cli.count);
	r = command_ask(c, p, loc, &record, &reply, o);
	if (r == 0 && c->phase && kv_get_u64(&record, "capacity", &capacity) > 0)
		progress_total(capacity);

	if (c->phase)
		progress_clear();
	if (r == 0)
		r = c->tell(c, loc, &record, &reply, o);
	kv_fini(&record);
	kv_fini(&reply);
	if (r == 0)
		return results_add(&c->results, o);
	if (c->keeps_records && json_object_size(o) > 1)
		results_add(&c->results, o);
	else
		json_decref(o);
	return -1;
}

static void command_progress(void *arg, const struct wire_progress *p)
{
	const struct command *c = arg;

	progress_show(NULL, c->phase, p, 0);
}

char *command_target(const struct command *c, const struct location *loc, const char *path)
{
	char *text = NULL;

	if (c->cli.dry_run && path)
		return location_at(loc, path);
	text = strdup(loc->text);
	if (!text)
		err_set(ST_FAILED, "out of memory");
	return text;
}

int command_end(struct command *c, int r)
{
	if (r == 0 && buf_failed(&c->keys) < 0)
		r = -1;
	if (r == 0) {
		results_begin(&c->results, &c->cli, c->cli.count);
		if (c->phase)
			progress_begin(&c->cli);
		if (c->phase && progress_is_on()) {
			c->cli.peer.progress = command_progress;
			c->cli.peer.arg = c;
		}
		each_location(&c->cli, check_location, command_run_one, c, &c->failed);
		if (c->phase)
			progress_end(c->failed == ST_OK && !cancel_is_set());
		r = results_end(&c->results);
		if (r == 0 && c->end)
			r = c->end(c);
	}
	buf_fini(&c->keys);
	r = cli_end(&c->cli, r);
	return c->failed ? c->failed : r;
}
