/*
 * storage_show: the directories are gathered, since what the host can do comes
 * last and is shown first.
 */
#include "lib/cli/storage_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/cli/grid.h"
#include "lib/cli/json.h"
#include "lib/cli/table.h"
#include "lib/cli/xml.h"

#define RECORDS_MAX 4096

static const char *const abilities[] = { "grow", "shrink", "snapshot", "detect" };
#define ABILITIES (sizeof(abilities) / sizeof(abilities[0]))

struct storage {
	struct kv *record; /* of directories, groups, and each group's pools behind it */
	size_t count;
	struct kv host;
};

static bool is_kind(const struct kv *r, const char *kind)
{
	const char *is = kv_get(r, "kind");

	return is && strcmp(is, kind) == 0;
}

static int read_all(struct storage *s, struct peer *p)
{
	struct kv record, *more;
	int r;

	while ((r = peer_answer(p, &record)) == 1) {
		more = s->count < RECORDS_MAX ? realloc(s->record, (s->count + 1) * sizeof(*more))
					      : NULL;
		if (!more) {
			kv_fini(&record);
			return err_set(ST_FAILED, "out of memory");
		}
		s->record = more;
		s->record[s->count++] = record;
	}
	if (r == 0)
		s->host = record;
	return r;
}

static int directory_json(json_t *all, const struct kv *r)
{
	json_t *o = json_object();

	json_array_append_new(all, o);
	json_set_text(o, "path", kv_get(r, "path"));
	json_set_text(o, "filesystem", kv_get(r, "filesystem"));
	if (json_set_u64(o, "size", r, "size") < 0 || json_set_u64(o, "free", r, "free") < 0 ||
		json_set_bool(o, "reflink", r, "reflink") < 0 ||
		json_set_bool(o, "writable", r, "writable") < 0)
		return -1;
	return 0;
}

static int group_json(json_t *all, const struct kv *r)
{
	json_t *o = json_object();

	json_array_append_new(all, o);
	json_set_text(o, "name", kv_get(r, "name"));
	json_set_text(o, "path", kv_get(r, "path"));
	json_object_set_new(o, "pools", json_array());
	if (json_set_u64(o, "size", r, "size") < 0 || json_set_u64(o, "free", r, "free") < 0 ||
		json_set_u64(o, "extent_size", r, "extent_size") < 0)
		return -1;
	return 0;
}

/* Into the group before it. */
static int pool_json(json_t *groups, const struct kv *r)
{
	json_t *group = json_array_get(groups, json_array_size(groups) - 1), *o;

	if (!group)
		return err_set(ST_PEER, "protocol error: a pool without a group");
	o = json_object();
	json_array_append_new(json_object_get(group, "pools"), o);
	json_set_text(o, "name", kv_get(r, "name"));
	if (json_set_u64(o, "size", r, "size") < 0 ||
		json_set_fraction(o, "data_used", r, "data_used") < 0 ||
		json_set_fraction(o, "metadata_used", r, "metadata_used") < 0)
		return -1;
	return 0;
}

static int record_json(json_t *directories, json_t *groups, const struct kv *r)
{
	if (is_kind(r, "group"))
		return group_json(groups, r);
	return is_kind(r, "pool") ? pool_json(groups, r) : directory_json(directories, r);
}

static int show_json(const struct storage *s)
{
	json_t *o = json_object(), *can = json_object(), *directories = json_array();
	json_t *groups = json_array();
	size_t i;

	json_set_text(o, "host", kv_get(&s->host, "host"));
	json_set_text(o, "helper_version", kv_get(&s->host, "version"));
	for (i = 0; i < ABILITIES; i++)
		json_set_texts(can, abilities[i], &s->host, abilities[i]);
	json_object_set_new(o, "filesystems", can);
	json_object_set_new(o, "directories", directories);
	json_object_set_new(o, "groups", groups);
	for (i = 0; i < s->count; i++)
		if (record_json(directories, groups, &s->record[i]) < 0) {
			json_decref(o);
			return -1;
		}
	return json_print(o);
}

static void record_xml(struct xml *x, const struct kv *r)
{
	static const char *const texts[] = { "name", "path", "group", "filesystem", "reflink",
		"writable", "data_used", "metadata_used" };
	static const char *const sizes[] = { "size", "free", "extent_size" };
	size_t i;

	xml_open(x, is_kind(r, "group") ? "group" : is_kind(r, "pool") ? "pool" : "directory");
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		xml_text(x, texts[i], kv_get(r, texts[i]));
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		xml_bytes(x, sizes[i], r, sizes[i]);
	xml_close(x);
}

static int show_xml(const struct storage *s)
{
	const char *type;
	struct xml x;
	size_t i, at;

	if (xml_begin(&x) < 0)
		return -1;
	xml_open(&x, "storage");
	xml_text(&x, "host", kv_get(&s->host, "host"));
	xml_text(&x, "helper_version", kv_get(&s->host, "version"));
	xml_open(&x, "filesystems");
	for (i = 0; i < ABILITIES; i++) {
		xml_open(&x, abilities[i]);
		for (at = 0; (type = kv_each(&s->host, abilities[i], &at));)
			xml_text(&x, "type", type);
		xml_close(&x);
	}
	xml_close(&x);
	for (i = 0; i < s->count; i++)
		record_xml(&x, &s->record[i]);
	xml_close(&x);
	return xml_end(&x);
}

static void add_ability(struct table *t, const struct kv *host, const char *key)
{
	struct buf types = BUF_INIT;
	const char *type;
	size_t at = 0;

	while ((type = kv_each(host, key, &at)))
		buf_addf(&types, "%s%s", types.len ? " " : "", type);
	table_rowf(t, key, "%s", types.len ? buf_str(&types) : "nothing");
	buf_fini(&types);
}

static int show_host(const struct storage *s)
{
	const char *host = kv_get(&s->host, "host"), *version = kv_get(&s->host, "version");
	struct table t;
	size_t i;
	int r;

	table_init(&t);
	table_rowf(&t, "host", "%s", host ? host : "unknown");
	table_rowf(&t, "helper", "%s", version ? version : "unknown");
	/* What can be detected is a list of hundreds; it is in the JSON. */
	for (i = 0; i < ABILITIES - 1; i++)
		add_ability(&t, &s->host, abilities[i]);
	r = table_print(&t);
	table_fini(&t);
	return r;
}

static void size_cell(struct grid *g, const struct kv *r, const char *key)
{
	char human[SIZE_HUMAN];
	uint64_t n;

	grid_cell(g, kv_get_u64(r, key, &n) > 0 ? size_human(n, human) : NULL);
}

static void bool_cell(struct grid *g, const struct kv *r, const char *key)
{
	bool is = false;

	kv_get_bool(r, key, &is);
	grid_cell(g, is ? "yes" : "no");
}

static void used_cell(struct grid *g, const struct kv *r, const char *key)
{
	char text[16];
	const char *used = kv_get(r, key);

	snprintf(text, sizeof(text), "%.1f %%", used ? 100 * strtod(used, NULL) : 0);
	grid_cell(g, used ? text : NULL);
}

static void directory_row(struct grid *g, const struct kv *r)
{
	size_cell(g, r, "size");
	size_cell(g, r, "free");
	grid_cell(g, kv_get(r, "filesystem"));
	bool_cell(g, r, "reflink");
	bool_cell(g, r, "writable");
	grid_cell(g, kv_get(r, "path"));
}

static void group_row(struct grid *g, const struct kv *r)
{
	size_cell(g, r, "size");
	size_cell(g, r, "free");
	size_cell(g, r, "extent_size");
	grid_cell(g, kv_get(r, "path"));
}

static void pool_row(struct grid *g, const struct kv *r)
{
	char path[512];
	const char *group = kv_get(r, "group"), *name = kv_get(r, "name");

	snprintf(path, sizeof(path), "/dev/%s/%s", group ? group : "", name ? name : "");
	size_cell(g, r, "size");
	used_cell(g, r, "data_used");
	used_cell(g, r, "metadata_used");
	grid_cell(g, path);
}

/* The records of one kind below their titles, the last of which is left-aligned. */
static int show_kind(const struct storage *s, const char *kind, const char *const *title,
	int columns, int numbers, void (*row)(struct grid *, const struct kv *))
{
	struct grid g;
	bool any = false;
	size_t i;
	int c, r = 0;

	grid_init(&g, columns);
	for (c = 0; c < columns; c++) {
		g.right[c] = c < numbers;
		grid_cell(&g, title[c]);
	}
	for (i = 0; i < s->count; i++)
		if (is_kind(&s->record[i], kind)) {
			row(&g, &s->record[i]);
			any = true;
		}
	if (any) {
		putchar('\n');
		r = grid_print(&g);
	}
	grid_fini(&g);
	return r;
}

static int show_table(const struct storage *s)
{
	static const char *const directory[] = { "SIZE", "FREE", "TYPE", "REFLINK", "WRITABLE",
		"DIRECTORY" };
	static const char *const group[] = { "SIZE", "FREE", "EXTENT", "GROUP" };
	static const char *const pool[] = { "SIZE", "DATA", "METADATA", "POOL" };

	if (show_host(s) < 0 || show_kind(s, "directory", directory, 6, 2, directory_row) < 0 ||
		show_kind(s, "group", group, 4, 3, group_row) < 0)
		return -1;
	return show_kind(s, "pool", pool, 4, 3, pool_row);
}

int storage_show(struct peer *p, enum storage_form form)
{
	struct storage s = { NULL, 0, KV_INIT };
	int r = read_all(&s, p);

	if (r == 0)
		r = form == STORAGE_JSON  ? show_json(&s)
		    : form == STORAGE_XML ? show_xml(&s)
					  : show_table(&s);
	while (s.count)
		kv_fini(&s.record[--s.count]);
	free(s.record);
	kv_fini(&s.host);
	return r;
}
