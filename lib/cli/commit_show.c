/*
 * commit_show: see commit_show.h.
 */
#include "lib/cli/commit_show.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/size.h"
#include "lib/cli/json.h"

static const char *const size_names[] = { "capacity", "allocation", "physical" };

/* An object of the three sizes, whose keys begin with prefix.  NULL recorded. */
static json_t *sizes_object(const struct kv *reply, const char *prefix)
{
	json_t *o = json_object();
	char key[40];
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "%s%s", prefix, size_names[i]);
		if (json_set_u64(o, size_names[i], reply, key) < 0) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

static int add_base(json_t *o, const struct kv *reply)
{
	json_t *base = json_object(), *before = sizes_object(reply, "previous."), *after = NULL;
	int r = -1;

	json_object_set_new(o, "base", base);
	json_set_text(base, "path", kv_get(reply, "base"));
	json_set_text(base, "format", kv_get(reply, "base.format"));
	if (!before)
		return -1;
	json_object_set_new(base, "before", before);
	after = kv_get(reply, "physical") ? sizes_object(reply, "") : json_null();
	if (after) {
		json_object_set_new(base, "after", after);
		r = json_set_u64(base, "enlarged", reply, "enlarged");
	}
	return r;
}

/* The layers, each with its path and how many of its bytes are written at most. */
static int add_layers(json_t *o, const struct kv *reply)
{
	struct kv_pair pair = { .key = "bytes" };
	const struct kv bytes = { .pair = &pair, .count = 1 };
	json_t *all = json_array(), *layer;
	size_t at = 0, at_bytes = 0;
	const char *path;

	json_object_set_new(o, "layers", all);
	while ((path = kv_each(reply, "layer", &at))) {
		layer = json_object();
		json_array_append_new(all, layer);
		json_set_text(layer, "path", path);
		pair.value = kv_each(reply, "layer.bytes", &at_bytes);
		if (!pair.value)
			json_object_set_new(layer, "bytes", json_null());
		else if (json_set_u64(layer, "bytes", &bytes, "bytes") < 0)
			return -1;
	}
	return 0;
}

static int add_json(json_t *o, const struct kv *reply)
{
	const char *child = kv_get(reply, "child");
	json_t *above = child ? json_object() : json_null();
	bool use = false;

	if (kv_get_bool(reply, "use", &use) < 0)
		return -1;
	json_set_text(o, "path", kv_get(reply, "path"));
	json_set_text(o, "use", use ? kv_get(reply, "base") : NULL);
	json_object_set_new(o, "child", above);
	if (child) {
		json_set_text(above, "path", child);
		json_set_text(above, "backing", kv_get(reply, "backing"));
	}
	json_set_text(o, "job", kv_get(reply, "job"));
	json_set_texts(o, "deleted", reply, "deleted");
	json_set_texts(o, "steps", reply, "step");
	return add_layers(o, reply) < 0 || add_base(o, reply) < 0 ||
			       json_set_bool(o, "resumed", reply, "resumed") < 0
		       ? -1
		       : 0;
}

static int show_sizes(
	const struct cli *c, const struct kv *reply, const char *prefix, const char *when)
{
	char a[SIZE_HUMAN], b[SIZE_HUMAN], d[SIZE_HUMAN], key[40];
	uint64_t n[3] = { 0 };
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "%s%s", prefix, size_names[i]);
		if (kv_get_u64(reply, key, &n[i]) < 0)
			return -1;
	}
	cli_print(c, "%-7s capacity %s, allocation %s, physical %s", when, size_human(n[0], a),
		size_human(n[1], b), size_human(n[2], d));
	return 0;
}

static int show_text(const struct cli *c, const struct location *loc, const struct kv *reply)
{
	const char *base = kv_get(reply, "base"), *image = kv_get(reply, "path"), *text;
	char *at_image;
	bool use = false;
	size_t at = 0;

	if (!base || !image || kv_get_bool(reply, "use", &use) < 0)
		return -1;
	if (c->dry_run) {
		at_image = location_at(loc, image);
		if (!at_image)
			return -1;
		cli_print(c, "would commit layers of %s into %s", at_image, base);
		free(at_image);
		while ((text = kv_each(reply, "step", &at)))
			cli_print(c, "  %s", text);
		if (use)
			cli_print(c, "  afterwards the guest must use %s", base);
		return show_sizes(c, reply, "previous.", "now:");
	}
	while ((text = kv_each(reply, "layer", &at)))
		cli_print(c, "committed %s into %s", text, base);
	if (show_sizes(c, reply, "previous.", "before:") < 0 ||
		show_sizes(c, reply, "", "after:") < 0)
		return -1;
	for (at = 0; (text = kv_each(reply, "deleted", &at));)
		cli_print(c, "deleted %s", text);
	if (use && kv_get(reply, "job"))
		cli_print(c, "the guest uses %s now, and its configuration must name that", base);
	else if (use)
		cli_print(c, "the guest must use %s now", base);
	return 0;
}

int commit_show(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	(void)record;
	if (!c->cli.json && show_text(&c->cli, loc, reply) < 0)
		return -1;
	return add_json(o, reply);
}
