/*
 * record_json: objects in the object are one level deep, with short names.
 */
#include "lib/cli/record_json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/json.h"

#define OBJECT_NAME_MAX 32

/* Whether the record has a member of the object whose name and dot begin f's. */
static bool has_member(const struct field *f, size_t len, const struct kv *record, unsigned views)
{
	const struct field *other;
	size_t at = 0;

	while ((other = fields_next(views, &at)))
		if (other->json && strncmp(other->json, f->json, len) == 0 &&
			kv_get(record, other->key))
			return true;
	return false;
}

/*
 * The object that f is a member of: object itself, or one in it, which its first
 * member adds; NULL if that is null.  *member is the last part of f's name.
 */
static json_t *parent_of(json_t *object, const struct field *f, const struct kv *record,
	unsigned views, const char **member)
{
	size_t len = strcspn(f->json, "?.");
	const char *dot = f->json + len + (f->json[len] == '?');
	char name[OBJECT_NAME_MAX];

	*member = *dot ? dot + 1 : f->json;
	if (!*dot)
		return object;
	memcpy(name, f->json, len);
	name[len] = '\0';
	if (!json_object_get(object, name))
		json_object_set_new(object, name,
			f->json[len] == '.' || has_member(f, len + 2, record, views) ? json_object()
										     : json_null());
	object = json_object_get(object, name);
	return json_is_object(object) ? object : NULL;
}

/* Makes the list of f's name have at least count objects. */
static json_t *list_of(json_t *object, const struct field *f, size_t count)
{
	char name[OBJECT_NAME_MAX];
	json_t *list;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(f->json, "["), f->json);
	list = json_object_get(object, name);
	if (!list) {
		list = json_array();
		json_object_set_new(object, name, list);
	}
	while (json_array_size(list) < count && json_array_append_new(list, json_object()) == 0)
		;
	return list;
}

static void add_list_members(json_t *object, const struct field *f, const struct kv *record)
{
	json_t *item;
	const char *value, *member = strchr(f->json, '.') + 1;
	size_t at = 0, count = 0;

	while ((value = kv_each(record, f->key, &at))) {
		count++;
		item = json_array_get(list_of(object, f, count), count - 1);
		if (f->type == FIELD_SIZES && *value)
			json_object_set_new(
				item, member, json_integer((json_int_t)strtoull(value, NULL, 10)));
		else
			json_set_text(item, member, *value ? value : NULL);
	}
}

static int add_member(
	json_t *object, const struct field *f, const struct kv *record, unsigned views)
{
	const char *member;

	if (strstr(f->json, "[].")) {
		add_list_members(object, f, record);
		return 0;
	}
	object = parent_of(object, f, record, views, &member);
	if (!object)
		return 0;
	switch (f->type) {
	case FIELD_TEXTS:
		json_set_texts(object, member, record, f->key);
		return 0;
	case FIELD_BYTES:
	case FIELD_NUMBER:
		return json_set_u64(object, member, record, f->key);
	case FIELD_FRACTION:
		return json_set_fraction(object, member, record, f->key);
	case FIELD_BOOL:
		return json_set_bool(object, member, record, f->key);
	default:
		json_set_text(object, member, kv_get(record, f->key));
		return 0;
	}
}

int record_json(json_t *object, const struct kv *record, unsigned views)
{
	const struct field *f;
	size_t at = 0;

	if (!object)
		return err_set(ST_FAILED, "out of memory");
	if (fields_check(views, record) < 0)
		return -1;
	while ((f = fields_next(views, &at)))
		if (f->json && add_member(object, f, record, views) < 0)
			return -1;
	return 0;
}

json_t *record_json_new(const struct kv *record, unsigned views)
{
	json_t *object = json_object();

	if (record_json(object, record, views) == 0)
		return object;
	json_decref(object);
	return NULL;
}

int record_json_append(json_t *array, const struct kv *record, unsigned views)
{
	json_t *object = record_json_new(record, views);

	if (!object)
		return -1;
	json_array_append_new(array, object);
	return 0;
}
