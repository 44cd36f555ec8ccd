/*
 * list_show: each location has a table of its own, as columns fit their widest cell.
 */
#include "lib/cli/list_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/cli/chain_xml.h"
#include "lib/cli/record_grid.h"
#include "lib/cli/record_json.h"

int list_show_begin(struct list_show *l, enum list_form form, const struct cli *c)
{
	memset(l, 0, sizeof(*l));
	l->form = form;
	l->count = c->count;
	json_list_begin(&l->json, c->count);
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

/* Prints the rows that are held; before the first of them the title. */
static int print_rows(struct list_show *l, const struct location *loc)
{
	char *title;

	if (l->count > 1 && !l->is_titled) {
		title = text_safe_dup(loc->text);
		if (!title)
			return err_set(ST_FAILED, "out of memory");
		printf("%s%s%s\n", l->shown ? "\n" : "", title,
			*loc->path ? ":" : ""); /* "HOST:" has one */
		free(title);
	}
	l->is_titled = true;
	return l->grid.count > l->grid.columns ? grid_print(&l->grid) : 0;
}

static int add_row(struct list_show *l, const struct kv *r, const struct location *loc)
{
	if (record_grid_row(&l->grid, r, columns_of(loc)) < 0)
		return -1;
	return grid_is_full(&l->grid) ? print_rows(l, loc) : 0;
}

static int add_json(struct list_show *l, const struct kv *r)
{
	json_t *entry = record_json_new(r, VIEW_LIST);

	return entry ? json_list_add(&l->json, entry) : -1;
}

static int add_xml(struct list_show *l, const struct kv *r)
{
	if (chain_xml_entry(&l->xml, r) < 0)
		return -1;
	return xml_is_full(&l->xml) ? xml_flush(&l->xml) : 0;
}

/* Prints an entry, or adds it to the table. */
static int add_entry(
	struct list_show *l, const struct kv *r, const struct location *loc, int *failed)
{
	const char *error = kv_get(r, "error"), *name = kv_get(r, *loc->path ? "name" : "path");
	uint64_t status = ST_FAILED;

	if (error) {
		log_warn("%s: '%s': %s", loc->text, name ? name : "", error);
		if (kv_get_u64(r, "status", &status) < 0)
			return -1;
		if (!*failed && status != ST_CORRUPT) /* that is the image's state, and is listed */
			*failed = (int)(status && status <= ST_MAX ? status : ST_FAILED);
	}
	switch (l->form) {
	case LIST_TABLE:
		return add_row(l, r, loc);
	case LIST_JSON:
		return add_json(l, r);
	default:
		return add_xml(l, r);
	}
}

/* Called once the helper has answered: a container that failed is not shown. */
static int open_container(struct list_show *l, const struct location *loc)
{
	l->is_titled = false;
	if (l->form == LIST_JSON)
		return json_list_open(&l->json, loc->text);
	if (l->form == LIST_XML) {
		xml_open(&l->xml, "container");
		xml_attribute(&l->xml, "location", loc->text);
	}
	return 0;
}

static int close_container(struct list_show *l, const struct location *loc)
{
	int r = 0;

	if (l->form == LIST_TABLE)
		r = print_rows(l, loc);
	else if (l->form == LIST_JSON)
		json_list_close(&l->json);
	else
		xml_close(&l->xml);
	l->shown++;
	return r;
}

static int read_entries(
	struct list_show *l, struct peer *p, const struct location *loc, int *failed)
{
	struct kv r;
	int got = peer_answer(p, &r), added;

	if (got < 0)
		return -1;
	added = open_container(l, loc);
	while (got == 1 && added == 0) {
		added = add_entry(l, &r, loc, failed);
		kv_fini(&r);
		got = added == 0 ? peer_answer(p, &r) : -1;
	}
	if (got == 0)
		kv_fini(&r);
	if (got < 0 && l->form == LIST_TABLE && !l->is_titled)
		return -1; /* as if it had failed at once */
	return close_container(l, loc) < 0 || got < 0 ? -1 : 0;
}

int list_show_one(struct list_show *l, struct peer *p, const struct location *loc, int *failed)
{
	int r;

	if (ferror(stdout))
		return 0;
	record_grid_head(&l->grid, columns_of(loc));
	r = read_entries(l, p, loc, failed);
	grid_fini(&l->grid);
	return ferror(stdout) ? 0 : r;
}

int list_show_end(struct list_show *l)
{
	if (l->form == LIST_JSON)
		json_list_end(&l->json);
	if (l->form == LIST_XML && l->shown)
		return xml_end(&l->xml);
	if (l->form == LIST_XML)
		xml_drop(&l->xml);
	return 0;
}
