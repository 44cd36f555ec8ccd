/*
 * json_list: an element is printed after what separates it from the last one.
 */
#include "lib/cli/json_list.h"

#include <stdio.h>

#include "lib/base/err.h"
#include "lib/cli/json.h"
#include "lib/cli/results.h"

void json_list_begin(struct json_list *l, int locations)
{
	l->is_array = locations != 1;
	l->has_objects = l->has_entries = false;
	l->margin = l->is_array ? "    " : "  ";
}

int json_list_open(struct json_list *l, const char *location)
{
	json_t *members = results_object(location), *value;
	const char *key;
	int r = 0;

	if (!members)
		return err_set(ST_FAILED, "out of memory");
	if (l->is_array)
		printf("%s  ", l->has_objects ? ",\n" : "[\n");
	puts("{");
	json_object_foreach(members, key, value)
	{
		if (r == 0)
			r = json_print_member(key, value, l->margin);
		puts(",");
	}
	json_decref(members);
	printf("%s\"entries\": [", l->margin);
	l->has_objects = true;
	l->has_entries = false;
	return r;
}

int json_list_add(struct json_list *l, json_t *entry)
{
	if (!entry)
		return err_set(ST_FAILED, "out of memory");
	puts(l->has_entries ? "," : "");
	l->has_entries = true;
	return json_print_within(entry, l->is_array ? "      " : "    ");
}

void json_list_close(struct json_list *l)
{
	if (l->has_entries)
		printf("\n%s", l->margin);
	printf("]\n%s}", l->is_array ? "  " : "");
}

void json_list_end(const struct json_list *l)
{
	if (l->has_objects)
		puts(l->is_array ? "\n]" : "");
}
