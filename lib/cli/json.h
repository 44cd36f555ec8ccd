/*
 * json: sets members of JSON objects (jansson) from texts and records.  A text
 * that is not UTF-8 has U+FFFD for its invalid bytes, and all its bytes are in a
 * second member KEY_hex.  What is printed has no character that is unsafe for a
 * terminal (text.h): each is escaped.
 */
#ifndef IMG_JSON_H
#define IMG_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/kv.h"

/* Sets key to the text, or to null; and key_hex if it is not UTF-8. */
void json_set_text(json_t *object, const char *key, const char *text);

/* Sets key to a value of a record: a number, or null if it is absent.  0, or -1 recorded. */
int json_set_u64(json_t *object, const char *key, const struct kv *record, const char *from);
/* Likewise; absent is false. */
int json_set_bool(json_t *object, const char *key, const struct kv *record, const char *from);

/* Sets key to a fraction of a record, or null.  0, or -1 recorded. */
int json_set_fraction(json_t *object, const char *key, const struct kv *record, const char *from);

/*
 * Sets key to the array of all values of from; and, if any of them is not UTF-8,
 * key_hex to the array of the bytes of each.
 */
void json_set_texts(json_t *object, const char *key, const struct kv *record, const char *from);

/* Prints value and a newline to standard output, and frees it.  0, or -1 recorded. */
int json_print(json_t *value);

/* The same on one line, which is flushed at once. */
int json_print_line(json_t *value);

/*
 * Prints value, each line after margin, without a newline at the end, and frees it.
 * 0, or -1 recorded.
 */
int json_print_within(json_t *value, const char *margin);

/* Prints a member of an object likewise; value, which may be of any type, stays the caller's. */
int json_print_member(const char *key, const json_t *value, const char *margin);

#endif
