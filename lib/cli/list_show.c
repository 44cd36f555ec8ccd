/*
 * list_show: a table needs all rows for its widths, so each location has one.
 */
#include "lib/cli/list_show.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/base/text.h"
#include "lib/cli/json.h"

#define COLUMNS 6

int list_show_begin(struct list_show *l, enum list_form form, const struct cli *c)
{
	memset(l, 0, sizeof(*l));
	l->form = form;
	l->count = c->count;
	results_begin(&l->results, c, c->count);
	if (form != LIST_XML)
		return 0;
	if (xml_begin(&l->xml) < 0)
		return -1;
	xml_open(&l->xml, "images");
	return 0;
}

static const char *human(const struct kv *r, const char *key, char out[SIZE_HUMAN])
{
	uint64_t v;

	return kv_get_u64(r, key, &v) > 0 ? size_human(v, out) : NULL;
}

/* "raw.lzo", "qcow2", "dir" */
static const char *form_of(const struct kv *r, char *out, size_t size)
{
	const char *kind = kv_get(r, "kind"), *format = kv_get(r, "format");

	if (!format)
		return kind && strcmp(kind, "directory") == 0 ? "dir" : NULL;
	snprintf(out, size, "%s%s%s", format, kv_get(r, "compression") ? "." : "",
		kv_get(r, "compression") ? kv_get(r, "compression") : "");
	return out;
}

/* "in use, snapshot of web" */
static const char *state_of(const struct kv *r, char *out, size_t size)
{
	bool unfinished = false, mounted = false, in_use = false, inactive = false, invalid = false;
	const char *state, *origin = kv_get(r, "snapshot.origin");

	kv_get_bool(r, "unfinished", &unfinished);
	kv_get_bool(r, "mounted", &mounted);
	kv_get_bool(r, "in_use", &in_use);
	kv_get_bool(r, "inactive", &inactive);
	kv_get_bool(r, "snapshot.invalid", &invalid);
	state = unfinished ? "unfinished"
		: mounted  ? "mounted"
		: in_use   ? "in use"
		: inactive ? "not active"
			   : NULL;
	if (!origin)
		return state;
	snprintf(out, size, "%s%s%s of %s", state ? state : "", state ? ", " : "",
		invalid ? "INVALID snapshot" : "snapshot", origin);
	return out;
}

/* A host's listing is of several containers, so that a name alone would say little. */
static const char *name_of(const struct kv *r, const struct location *loc)
{
	return kv_get(r, *loc->path ? "name" : "path");
}

static void add_row(struct grid *g, const struct kv *r, const struct location *loc)
{
	const char *fs = kv_get(r, "fs.type"), *table = kv_get(r, "partitions");
	char a[SIZE_HUMAN], b[SIZE_HUMAN], form[64], state[192];

	grid_cell(g, human(r, "capacity", a));
	grid_cell(g, human(r, "allocation", b));
	grid_cell(g, form_of(r, form, sizeof(form)));
	grid_cell(g, fs ? fs : table);
	grid_cell(g, state_of(r, state, sizeof(state)));
	grid_cell(g, name_of(r, loc));
}

static int add_json(json_t *entries, const struct kv *r)
{
	json_t *o = json_object();

	json_array_append_new(entries, o);
	return json_set_image(o, r);
}

/* One entry into whichever form is wanted. */
static int take_entry(struct list_show *l, struct grid *g, const struct kv *r,
	const struct location *loc, int *failed)
{
	const char *error = kv_get(r, "error"), *name = name_of(r, loc);
	uint64_t status = ST_FAILED;

	if (error) {
		log_warn("%s: '%s': %s", loc->text, name ? name : "", error);
		if (kv_get_u64(r, "status", &status) < 0)
			return -1;
		*failed = *failed ? *failed : (int)(status <= ST_MAX ? status : ST_FAILED);
	}
	switch (l->form) {
	case LIST_TABLE:
		add_row(g, r, loc);
		return 0;
	case LIST_JSON:
		return add_json(l->entries, r);
	default:
		xml_volume(&l->xml, r);
		return 0;
	}
}

/* What comes before the entries, once it is known that they can be had. */
static void open_container(struct list_show *l, const struct location *loc)
{
	json_t *object;

	if (l->form == LIST_JSON) {
		object = results_object(loc->text);
		l->entries = json_array();
		json_object_set_new(object, "entries", l->entries);
		results_add(&l->results, object);
	} else if (l->form == LIST_XML) {
		xml_open(&l->xml, "container");
		xml_attribute(&l->xml, "location", loc->text);
	}
}

static int read_entries(struct list_show *l, struct peer *p, struct grid *g,
	const struct location *loc, int *failed)
{
	struct kv r;
	int got = peer_answer(p, &r), taken = 0;

	if (got < 0)
		return -1;
	open_container(l, loc);
	while (got == 1 && taken == 0) {
		taken = take_entry(l, g, &r, loc, failed);
		kv_fini(&r);
		got = taken == 0 ? peer_answer(p, &r) : -1;
	}
	if (l->form == LIST_XML)
		xml_close(&l->xml);
	l->shown++;
	if (got < 0)
		return -1;
	kv_fini(&r);
	return 0;
}

static void head(struct grid *g, const struct location *loc)
{
	static const char *const title[COLUMNS - 1] = { "SIZE", "USED", "FORMAT", "HOLDS",
		"STATE" };
	int i;

	grid_init(g, COLUMNS);
	g->right[0] = g->right[1] = true;
	for (i = 0; i < COLUMNS - 1; i++)
		grid_cell(g, title[i]);
	grid_cell(g, *loc->path ? "NAME" : "PATH");
}

int list_show_one(struct list_show *l, struct peer *p, const struct location *loc, int *failed)
{
	bool later = l->shown;
	char title[1024];
	struct grid g;
	int r;

	head(&g, loc);
	r = read_entries(l, p, &g, loc, failed);
	if (r == 0 && l->form == LIST_TABLE) {
		if (l->count > 1)
			printf("%s%s%s\n", later ? "\n" : "",
				text_safe(loc->text, title, sizeof(title)),
				*loc->path ? ":" : ""); /* "HOST:" has one */
		if (g.count > COLUMNS)
			r = grid_print(&g);
	}
	grid_fini(&g);
	return r;
}

int list_show_end(struct list_show *l)
{
	if (l->form == LIST_XML && !l->shown)
		xml_drop(&l->xml);
	else if (l->form == LIST_XML)
		return xml_end(&l->xml);
	return results_end(&l->results);
}
