/*
 * list_show: each location has a table of its own, as columns fit their widest cell.
 */
#include "lib/cli/list_show.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/cli/record_grid.h"
#include "lib/cli/record_json.h"
#include "lib/cli/record_xml.h"

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

/* A host's entries are of several containers, so they are shown with their paths. */
static unsigned columns_of(const struct location *loc)
{
	return VIEW_LIST | (*loc->path ? VIEW_NAMES : VIEW_PATHS);
}

/* Adds an entry to the form that is wanted. */
static int add_entry(struct list_show *l, struct grid *g, const struct kv *r,
	const struct location *loc, int *failed)
{
	const char *error = kv_get(r, "error"), *name = kv_get(r, *loc->path ? "name" : "path");
	uint64_t status = ST_FAILED;

	if (error) {
		log_warn("%s: '%s': %s", loc->text, name ? name : "", error);
		if (kv_get_u64(r, "status", &status) < 0)
			return -1;
		*failed =
			*failed ? *failed : (int)(status && status <= ST_MAX ? status : ST_FAILED);
	}
	switch (l->form) {
	case LIST_TABLE:
		return record_grid_row(g, r, columns_of(loc));
	case LIST_JSON:
		return record_json_append(l->entries, r, VIEW_LIST);
	default:
		return record_xml_volume(&l->xml, r);
	}
}

/* Called once the helper has answered: a container that failed is not shown. */
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
	int got = peer_answer(p, &r), added = 0;

	if (got < 0)
		return -1;
	open_container(l, loc);
	while (got == 1 && added == 0) {
		added = add_entry(l, g, &r, loc, failed);
		kv_fini(&r);
		got = added == 0 ? peer_answer(p, &r) : -1;
	}
	if (l->form == LIST_XML)
		xml_close(&l->xml);
	l->shown++;
	if (got < 0)
		return -1;
	kv_fini(&r);
	return 0;
}

int list_show_one(struct list_show *l, struct peer *p, const struct location *loc, int *failed)
{
	bool later = l->shown;
	char title[1024];
	struct grid g;
	int r;

	record_grid_head(&g, columns_of(loc));
	r = read_entries(l, p, &g, loc, failed);
	if (r == 0 && l->form == LIST_TABLE) {
		if (l->count > 1)
			printf("%s%s%s\n", later ? "\n" : "",
				text_safe(loc->text, title, sizeof(title)),
				*loc->path ? ":" : ""); /* "HOST:" has one */
		if (g.count > g.columns)
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
