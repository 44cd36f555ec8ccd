/*
 * record_xml: attributes first, as they must be; then the elements, in whose paths
 * ("target/permissions/mode") neighbours share their parents.
 */
#include "lib/cli/record_xml.h"

#include <stdio.h>
#include <string.h>

/* The parents that are open in the record's element: the first len bytes of "a/b/c". */
struct open_parents {
	const char *path;
	size_t len; /* 0, or up to and with a '/' */
};

/* Closes and opens elements until exactly the parents of path are open. */
static void open_parents_of(struct xml *x, struct open_parents *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t i, begin, same = 0, len = slash ? (size_t)(slash - path) + 1 : 0;
	char name[32];

	while (same < len && same < p->len && path[same] == p->path[same])
		same++;
	while (same && path[same - 1] != '/')
		same--;
	for (i = same; i < p->len; i++)
		if (p->path[i] == '/')
			xml_close(x);
	for (begin = i = same; i < len; i++) {
		if (path[i] != '/')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(i - begin), path + begin);
		xml_open(x, name);
		begin = i + 1;
	}
	p->path = path;
	p->len = len;
}

/* Whether a helper's text may become the name of an element. */
static bool is_element_name(const char *s)
{
	return *s >= 'a' && *s <= 'z' && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static void write_texts(struct xml *x, const char *element, const char *key, const struct kv *r)
{
	const char *text;
	size_t at = 0;

	while ((text = kv_each(r, key, &at))) {
		if (*element) {
			xml_text(x, element, text);
		} else if (is_element_name(text)) {
			xml_open(x, text);
			xml_close(x);
		}
	}
}

static void write_element(
	struct xml *x, struct open_parents *p, const struct field *f, const struct kv *r)
{
	const char *slash = strrchr(f->xml, '/'), *element = slash ? slash + 1 : f->xml;
	const char *attribute = strchr(element, '@'), *value = kv_get(r, f->key);
	char name[32];
	uint64_t n;

	if ((!value && f->type != FIELD_TEXTS) || (f->xml_with && !kv_get(r, f->xml_with)))
		return;
	open_parents_of(x, p, f->xml);
	if (f->type == FIELD_TEXTS) {
		write_texts(x, element, f->key, r);
	} else if (attribute) {
		snprintf(name, sizeof(name), "%.*s", (int)(attribute - element), element);
		xml_open(x, name);
		xml_attribute(x, attribute + 1, value);
		xml_close(x);
	} else if (f->type == FIELD_BYTES && kv_get_u64(r, f->key, &n) > 0) {
		xml_bytes(x, element, f->xml_unit ? f->xml_unit : "bytes", n);
	} else {
		xml_text(x, element, value);
	}
}

/* A flag is name='yes', or left out. */
static void write_attribute(struct xml *x, const struct field *f, const struct kv *r)
{
	bool set = false;

	if (f->type != FIELD_BOOL)
		xml_attribute(x, f->xml + 1, kv_get(r, f->key));
	else if (kv_get_bool(r, f->key, &set) > 0 && set)
		xml_attribute(x, f->xml + 1, "yes");
}

/* Into the element that is open. */
static void write_fields(struct xml *x, const struct kv *r, unsigned views)
{
	struct open_parents p = { NULL, 0 };
	const struct field *f;
	size_t at;

	for (at = 0; (f = fields_next(views, &at));)
		if (f->xml && *f->xml == '@')
			write_attribute(x, f, r);
	for (at = 0; (f = fields_next(views, &at));)
		if (f->xml && *f->xml != '@')
			write_element(x, &p, f, r);
	open_parents_of(x, &p, "");
}

int record_xml(struct xml *x, const char *element, const struct kv *record, unsigned views)
{
	if (fields_check(views, record) < 0)
		return -1;
	if (element)
		xml_open(x, element);
	write_fields(x, record, views);
	if (element)
		xml_close(x);
	return 0;
}

int record_xml_volume_open(struct xml *x, const struct kv *record)
{
	const char *kind = kv_get(record, "kind");

	if (fields_check(VIEW_INFO, record) < 0)
		return -1;
	xml_open(x, "volume");
	xml_attribute(x, "type",
		!kind || strcmp(kind, "file") == 0 ? "file"
		: strcmp(kind, "directory") == 0   ? "dir"
						   : "block");
	write_fields(x, record, VIEW_INFO);
	return 0;
}
