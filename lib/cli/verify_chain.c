/*
 * verify_chain: see verify_chain.h.
 */
#include "lib/cli/verify_chain.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/cli/json.h"
#include "lib/cli/usage.h"

struct verify_layers {
	struct cli *c;
	struct location loc;
	json_t *layers;	   /* with --json, else NULL */
	struct err failed; /* the first layer that failed; status ST_OK: none did */
};

/* The layer as a user would name it, which the caller frees; NULL recorded. */
static char *name_of_layer(const struct location *loc, const struct kv *record)
{
	const char *path = kv_get(record, "path"), *name = kv_get(record, "name");
	char *text = path ? location_at(loc, path) : strdup(name ? name : "");

	if (!text)
		err_set(ST_FAILED, "out of memory");
	return text;
}

/* What is shown of the layer.  NULL recorded: it is no result that the protocol has. */
static const char *result_of(const struct kv *record)
{
	static const char *const results[] = { "intact", "leaks", "readable", "unchecked",
		"failed" };
	const char *found = kv_get(record, "result");
	size_t i;

	if (kv_get(record, "error.kind") || kv_get(record, "error.message"))
		return "failed";
	if (!found && !kv_get(record, "path"))
		return "unchecked"; /* it is no file */
	for (i = 0; found && i < sizeof(results) / sizeof(results[0]); i++)
		if (strcmp(found, results[i]) == 0)
			return results[i];
	if (found)
		err_set(ST_PEER, "protocol error: a layer with the result '%s'", found);
	else
		err_set(ST_PEER, "protocol error: a layer without a result");
	return NULL;
}

static int note_failure(struct verify_layers *v, const struct kv *record, const char *name)
{
	const char *message = kv_get(record, "error.message");
	uint64_t status = ST_CORRUPT;

	if (!message)
		message = "failed, and it is not known why";
	if (kv_get_u64(record, "status", &status) < 0)
		return -1;
	if (status == ST_OK || status > ST_MAX)
		status = ST_FAILED;
	if (v->failed.status != ST_OK) {
		log_warn("%s: layer '%s': %s", v->loc.text, name, message);
		return 0;
	}
	err_set((enum status)status, "%s: layer '%s': %s", v->loc.text, name, message);
	err_take(&v->failed);
	return 0;
}

/* What is neither a failure nor a result. */
static int note_layer(const struct verify_layers *v, const struct kv *record, const char *name,
	const char *result)
{
	const char *by = kv_get(record, "checked_by"), *format = kv_get(record, "format");
	bool dirty = false;

	if (kv_get_bool(record, "dirty", &dirty) < 0)
		return -1;
	if (dirty)
		log_note("%s: layer '%s': it is marked dirty: it is open, or was not closed",
			v->loc.text, name);
	if (strcmp(result, "leaks") == 0)
		log_note("%s: layer '%s': some clusters are leaked: they take space, but do no "
			 "other harm",
			v->loc.text, name);
	if (strcmp(result, "unchecked") == 0)
		log_note("%s: layer '%s': its structure was not checked: its format is %s",
			v->loc.text, name, format ? format : "not recorded");
	if (by)
		log_info("%s: layer '%s': checked by %s", v->loc.text, name, by);
	return 0;
}

static int add_layer_json(const struct verify_layers *v, const struct kv *record, const char *name,
	const char *result)
{
	const char *kind = kv_get(record, "error.kind"), *path = kv_get(record, "path");
	json_t *o = json_object(), *error = NULL;

	if (!kind && strcmp(result, "failed") == 0)
		kind = "failed";
	json_set_text(o, "location", path ? name : NULL);
	json_set_text(o, "path", path);
	json_set_text(o, "name", kv_get(record, "name"));
	json_set_text(o, "format", kv_get(record, "format"));
	json_set_text(o, "result", result);
	json_set_text(o, "checked_by", kv_get(record, "checked_by"));
	if (kind) {
		error = json_object();
		json_set_text(error, "kind", kind);
		json_set_text(error, "message", kv_get(record, "error.message"));
	}
	json_object_set_new(o, "error", error ? error : json_null());
	if (json_set_u64(o, "depth", record, "depth") < 0 ||
		json_set_bool(o, "dirty", record, "dirty") < 0) {
		json_decref(o);
		return -1;
	}
	return json_array_append_new(v->layers, o) < 0 ? err_set(ST_FAILED, "out of memory") : 0;
}

static int show_layer(struct verify_layers *v, const struct kv *record)
{
	const char *result = result_of(record), *format = kv_get(record, "format");
	char *name = result ? name_of_layer(&v->loc, record) : NULL;
	int r = -1;

	if (!name)
		return -1;
	if (strcmp(result, "failed") == 0 && note_failure(v, record, name) < 0)
		goto out;
	if (note_layer(v, record, name, result) < 0)
		goto out;
	if (v->layers && add_layer_json(v, record, name, result) < 0)
		goto out;
	if (!v->layers)
		cli_print(v->c, "%-9s  %-5s  %s", result, format ? format : "-", name);
	r = 0;
out:
	free(name);
	return r;
}

/* The request, and a line or a member for each record.  0, or -1 recorded. */
static int show_layers(struct verify_layers *v, struct peer *peer, bool live)
{
	struct buf args = BUF_INIT;
	size_t count = 0;
	struct kv kv;
	int r;

	kv_add(&args, "path", v->loc.path);
	kv_add_bool(&args, "live", live);
	kv_add_bool(&args, "chain", true);
	r = peer_request(peer, "check", &args);
	buf_fini(&args);
	while (r >= 0 && (r = peer_answer(peer, &kv)) == 1) {
		count++;
		r = kv_need(&kv, "a RECORD", "depth");
		if (r == 0)
			r = show_layer(v, &kv);
		kv_fini(&kv);
		if (r < 0)
			break;
	}
	if (r == 0) {
		kv_fini(&kv);
		if (count == 0)
			r = err_set(ST_PEER, "protocol error: an OK instead of a RECORD");
	}
	return r < 0 ? err_wrap("%s", v->loc.text) : 0;
}

int verify_chain(struct cli *c, bool live)
{
	struct verify_layers v = { .c = c };
	struct peer *peer = NULL;
	json_t *o = NULL;
	int r = -1;

	if (cli_location(&v.loc, c->args[0], STDIN_FILENO) < 0)
		return -1;
	if (v.loc.is_stdio) {
		usage_error("'-' cannot be verified: it is no image on a host");
		goto out;
	}
	if (usage_check_image(&v.loc) < 0)
		goto out;
	peer = peer_open(&v.loc, &c->peer);
	if (!peer) {
		err_wrap("%s", v.loc.text);
		goto out;
	}
	v.layers = c->json ? json_array() : NULL;
	if (show_layers(&v, peer, live) < 0)
		goto out;
	if (v.layers) {
		o = json_object();
		json_set_text(o, "location", v.loc.text);
		json_object_set(o, "layers", v.layers);
		if (json_print(o) < 0)
			goto out;
	}
	r = v.failed.status == ST_OK ? 0 : -1;
	if (r < 0)
		err_put(&v.failed);
out:
	json_decref(v.layers);
	peer_close(peer);
	location_fini(&v.loc);
	return r;
}
