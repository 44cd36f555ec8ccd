/*
 * json_list: lists of any length as JSON, printed member by member:
 *
 *	{ "location": ..., "entries": [ {...}, ... ] }
 *
 * For several locations that is an array of such objects; a location that is not
 * opened has none.  If none was opened, nothing is printed.  Nothing is kept, so
 * an error leaves a part on standard output, which json_list_end() completes.
 */
#ifndef IMG_JSON_LIST_H
#define IMG_JSON_LIST_H

#include <jansson.h>
#include <stdbool.h>

struct json_list {
	bool is_array; /* of several locations */
	bool has_objects, has_entries;
	const char *margin; /* of the members of a location's object */
};

void json_list_begin(struct json_list *l, int locations);

/* Begins the object of a location.  0, or -1 recorded. */
int json_list_open(struct json_list *l, const char *location);

/* Prints an entry and frees it.  0, or -1 recorded: nothing was printed. */
int json_list_add(struct json_list *l, json_t *entry);

/* Ends the object of a location. */
void json_list_close(struct json_list *l);

/* Ends the document. */
void json_list_end(const struct json_list *l);

#endif
