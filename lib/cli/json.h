/*
 * json: the few ways in which results become JSON values (jansson does the
 * rest).  A text that is not UTF-8 is shown with U+FFFD and given whole in
 * KEY_hex beside it.
 */
#ifndef IMG_JSON_H
#define IMG_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/kv.h"

/* Sets key to the text (NULL: null), and key_hex if it needs one. */
void json_set_text(json_t *object, const char *key, const char *text);

/* Sets key to a value of a record: a number, or null if it is absent.  0, or -1 recorded. */
int json_set_u64(json_t *object, const char *key, const struct kv *record, const char *from);
/* Likewise; absent is false. */
int json_set_bool(json_t *object, const char *key, const struct kv *record, const char *from);

/* Sets key to a fraction of a record, or null.  0, or -1 recorded. */
int json_set_fraction(json_t *object, const char *key, const struct kv *record, const char *from);

/* Sets key to the array of all values of from. */
void json_set_texts(json_t *object, const char *key, const struct kv *record, const char *from);

/* Prints value and a newline to standard output, and frees it.  0, or -1 recorded. */
int json_print(json_t *value);

#endif
