/*
 * record_json: a helper's record as members of a JSON object.
 */
#ifndef IMG_RECORD_JSON_H
#define IMG_RECORD_JSON_H

#include <jansson.h>

#include "lib/cli/fields.h"

/*
 * Adds the members of these views (fields.h) to the object: each of them, null
 * if the record lacks it (a list: empty; a flag: false).  0, or -1 recorded.
 */
int record_json(json_t *object, const struct kv *record, unsigned views);

/* A new object with these members.  NULL recorded. */
json_t *record_json_new(const struct kv *record, unsigned views);

/* Appends an object with these members to the array.  0, or -1 recorded: nothing is appended. */
int record_json_append(json_t *array, const struct kv *record, unsigned views);

#endif
