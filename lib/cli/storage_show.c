/*
 * storage_show: all records are received first, since the host's own comes last
 * and is shown first.
 */
#include "lib/cli/storage_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/json.h"
#include "lib/cli/record_grid.h"
#include "lib/cli/record_json.h"
#include "lib/cli/record_lines.h"
#include "lib/cli/record_xml.h"

struct storage {
	struct kv *record; /* directories; then each group with its pools behind it */
	size_t count;
	struct kv host;
};

static unsigned view_of(const struct kv *record)
{
	const char *kind = kv_get(record, "kind");

	if (kind && strcmp(kind, "group") == 0)
		return VIEW_GROUP;
	return kind && strcmp(kind, "pool") == 0 ? VIEW_POOL : VIEW_DIRECTORY;
}

static int storage_receive(struct storage *s, struct peer *p)
{
	struct kv record, *more;
	bool has_group = false;
	int r;

	while ((r = peer_answer(p, &record)) == 1) {
		more = realloc(s->record, (s->count + 1) * sizeof(*more));
		if (!more) {
			kv_fini(&record);
			return err_set(ST_FAILED, "out of memory");
		}
		s->record = more;
		s->record[s->count++] = record;
		has_group = has_group || view_of(&record) == VIEW_GROUP;
		if (view_of(&record) == VIEW_POOL && !has_group)
			return err_set(ST_PEER, "protocol error: a pool without a group");
	}
	if (r == 0)
		s->host = record;
	return r < 0 ? -1 : kv_need(&s->host, "an OK", "host version");
}

/* A pool belongs to the group that came before it. */
static int storage_add_json(json_t *directories, json_t *groups, const struct kv *record)
{
	json_t *group = json_array_get(groups, json_array_size(groups) - 1);

	switch (view_of(record)) {
	case VIEW_POOL:
		return record_json_append(json_object_get(group, "pools"), record, VIEW_POOL);
	case VIEW_GROUP:
		if (record_json_append(groups, record, VIEW_GROUP) < 0)
			return -1;
		group = json_array_get(groups, json_array_size(groups) - 1);
		json_object_set_new(group, "pools", json_array());
		return 0;
	default:
		return record_json_append(directories, record, VIEW_DIRECTORY);
	}
}

static int storage_json(const struct storage *s)
{
	json_t *o = json_object(), *directories = json_array(), *groups = json_array();
	int r = record_json(o, &s->host, VIEW_HOST);
	size_t i;

	json_object_set_new(o, "directories", directories);
	json_object_set_new(o, "groups", groups);
	for (i = 0; r == 0 && i < s->count; i++)
		r = storage_add_json(directories, groups, &s->record[i]);
	if (r == 0)
		return json_print(o);
	json_decref(o);
	return -1;
}

static int storage_xml(const struct storage *s)
{
	struct xml x;
	unsigned view;
	size_t i;
	int r;

	if (xml_begin(&x) < 0)
		return -1;
	xml_open(&x, "storage");
	r = record_xml(&x, NULL, &s->host, VIEW_HOST);
	for (i = 0; r == 0 && i < s->count; i++) {
		view = view_of(&s->record[i]);
		r = record_xml(&x,
			view == VIEW_GROUP  ? "group"
			: view == VIEW_POOL ? "pool"
					    : "directory",
			&s->record[i], view);
	}
	if (r == 0)
		return xml_end(&x);
	xml_drop(&x);
	return -1;
}

static int storage_host(const struct storage *s)
{
	struct table t;
	int r;

	table_init(&t);
	r = record_lines(&t, &s->host, VIEW_HOST);
	if (r == 0)
		r = table_print(&t);
	table_fini(&t);
	return r;
}

/* The records of one kind, if there are any, after an empty line. */
static int storage_grid(const struct storage *s, unsigned view)
{
	struct grid g;
	size_t i;
	int r = 0;

	record_grid_head(&g, view);
	for (i = 0; r == 0 && i < s->count; i++)
		if (view_of(&s->record[i]) == view)
			r = record_grid_row(&g, &s->record[i], view);
	if (r == 0 && g.count > g.columns) {
		putchar('\n');
		r = grid_print(&g);
	}
	grid_fini(&g);
	return r;
}

static int storage_table(const struct storage *s)
{
	if (storage_host(s) < 0 || storage_grid(s, VIEW_DIRECTORY) < 0 ||
		storage_grid(s, VIEW_GROUP) < 0)
		return -1;
	return storage_grid(s, VIEW_POOL);
}

int storage_show(struct peer *p, enum storage_form form)
{
	struct storage s = { NULL, 0, KV_INIT };
	int r = storage_receive(&s, p);

	if (r == 0)
		r = form == STORAGE_JSON  ? storage_json(&s)
		    : form == STORAGE_XML ? storage_xml(&s)
					  : storage_table(&s);
	while (s.count)
		kv_fini(&s.record[--s.count]);
	free(s.record);
	kv_fini(&s.host);
	return r;
}
