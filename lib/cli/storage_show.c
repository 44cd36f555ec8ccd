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
	struct kv *directory;
	size_t count;
	struct kv host;
};

static int read_all(struct storage *s, struct peer *p)
{
	struct kv record, *more;
	int r;

	while ((r = peer_answer(p, &record)) == 1) {
		more = s->count < RECORDS_MAX
			       ? realloc(s->directory, (s->count + 1) * sizeof(*more))
			       : NULL;
		if (!more) {
			kv_fini(&record);
			return err_set(ST_FAILED, "out of memory");
		}
		s->directory = more;
		s->directory[s->count++] = record;
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

static int show_json(const struct storage *s)
{
	json_t *o = json_object(), *can = json_object(), *all = json_array();
	size_t i;

	json_set_text(o, "host", kv_get(&s->host, "host"));
	json_set_text(o, "helper_version", kv_get(&s->host, "version"));
	for (i = 0; i < ABILITIES; i++)
		json_set_texts(can, abilities[i], &s->host, abilities[i]);
	json_object_set_new(o, "filesystems", can);
	json_object_set_new(o, "directories", all);
	for (i = 0; i < s->count; i++)
		if (directory_json(all, &s->directory[i]) < 0) {
			json_decref(o);
			return -1;
		}
	json_object_set_new(o, "groups", json_array());
	return json_print(o);
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
	for (i = 0; i < s->count; i++) {
		xml_open(&x, "directory");
		xml_text(&x, "path", kv_get(&s->directory[i], "path"));
		xml_text(&x, "filesystem", kv_get(&s->directory[i], "filesystem"));
		xml_bytes(&x, "size", &s->directory[i], "size");
		xml_bytes(&x, "free", &s->directory[i], "free");
		xml_text(&x, "reflink", kv_get(&s->directory[i], "reflink"));
		xml_text(&x, "writable", kv_get(&s->directory[i], "writable"));
		xml_close(&x);
	}
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

static int show_table(const struct storage *s)
{
	static const char *const title[] = { "SIZE", "FREE", "TYPE", "REFLINK", "WRITABLE",
		"DIRECTORY" };
	char size[SIZE_HUMAN], space[SIZE_HUMAN];
	bool reflink, writable;
	struct grid g;
	uint64_t n;
	size_t i;
	int r;

	if (show_host(s) < 0)
		return -1;
	if (!s->count)
		return 0;
	putchar('\n');
	grid_init(&g, 6);
	g.right[0] = g.right[1] = true;
	for (i = 0; i < 6; i++)
		grid_cell(&g, title[i]);
	for (i = 0; i < s->count; i++) {
		reflink = writable = false;
		grid_cell(&g,
			kv_get_u64(&s->directory[i], "size", &n) > 0 ? size_human(n, size) : NULL);
		grid_cell(&g,
			kv_get_u64(&s->directory[i], "free", &n) > 0 ? size_human(n, space) : NULL);
		grid_cell(&g, kv_get(&s->directory[i], "filesystem"));
		kv_get_bool(&s->directory[i], "reflink", &reflink);
		kv_get_bool(&s->directory[i], "writable", &writable);
		grid_cell(&g, reflink ? "yes" : "no");
		grid_cell(&g, writable ? "yes" : "no");
		grid_cell(&g, kv_get(&s->directory[i], "path"));
	}
	r = grid_print(&g);
	grid_fini(&g);
	return r;
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
		kv_fini(&s.directory[--s.count]);
	free(s.directory);
	kv_fini(&s.host);
	return r;
}
