/*
 * json: jansson refuses text that is not UTF-8, so it is converted before; what it
 * does not escape is escaped when it is printed.
 */
#include "lib/cli/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/cli/cli.h"

void json_set_text(json_t *object, const char *key, const char *text)
{
	char *shown, *hex, *hex_key;

	if (!text) {
		json_object_set_new(object, key, json_null());
		return;
	}
	shown = text_utf8_dup(text);
	json_object_set_new(object, key, shown ? json_string(shown) : json_null());
	free(shown);
	if (text_is_utf8(text, strlen(text)) || asprintf(&hex_key, "%s_hex", key) < 0)
		return;
	hex = text_hex_dup(text);
	json_object_set_new(object, hex_key, hex ? json_string(hex) : json_null());
	free(hex);
	free(hex_key);
}

int json_set_u64(json_t *object, const char *key, const struct kv *record, const char *from)
{
	uint64_t v = 0;
	int has = kv_get_u64(record, from, &v);

	if (has < 0)
		return -1;
	if (v > INT64_MAX)
		return err_set(ST_PEER, "protocol error: %s is %llu", from, (unsigned long long)v);
	json_object_set_new(object, key, has ? json_integer((json_int_t)v) : json_null());
	return 0;
}

int json_set_bool(json_t *object, const char *key, const struct kv *record, const char *from)
{
	bool v = false;

	if (kv_get_bool(record, from, &v) < 0)
		return -1;
	json_object_set_new(object, key, json_boolean(v));
	return 0;
}

int json_set_fraction(json_t *object, const char *key, const struct kv *record, const char *from)
{
	const char *text = kv_get(record, from);
	char *end;
	double v;

	if (!text) {
		json_object_set_new(object, key, json_null());
		return 0;
	}
	v = strtod(text, &end);
	if (end == text || *end || !(v >= 0 && v <= 1))
		return err_set(ST_PEER, "protocol error: %s is not a fraction", from);
	json_object_set_new(object, key, json_real(v));
	return 0;
}

/* All values of from, each as dup() shows it. */
static json_t *texts_of(const struct kv *record, const char *from, char *(*dup)(const char *))
{
	json_t *array = json_array();
	const char *value;
	char *shown;
	size_t at = 0;

	while ((value = kv_each(record, from, &at))) {
		shown = dup(value);
		json_array_append_new(array, shown ? json_string(shown) : json_null());
		free(shown);
	}
	return array;
}

void json_set_texts(json_t *object, const char *key, const struct kv *record, const char *from)
{
	bool all_utf8 = true;
	const char *value;
	char *hex_key;
	size_t at = 0;

	json_object_set_new(object, key, texts_of(record, from, text_utf8_dup));
	while ((value = kv_each(record, from, &at)))
		all_utf8 = all_utf8 && text_is_utf8(value, strlen(value));
	if (all_utf8 || asprintf(&hex_key, "%s_hex", key) < 0)
		return;
	json_object_set_new(object, hex_key, texts_of(record, from, text_hex_dup));
	free(hex_key);
}

/*
 * Begins each line but the first with the margin.
 *
 * jansson escapes the C0 characters within strings, and writes no others but
 * newlines between them.  All other unsafe characters stand within strings, too,
 * and none of them is above U+FFFF.
 */
static void print_escaped(const char *text, const char *margin)
{
	const char *end = text + strlen(text), *from;
	uint32_t cp;
	size_t len = 0;

	while (text < end) {
		for (from = text; text < end; text += len) {
			len = text_decode(text, (size_t)(end - text), &cp);
			if (len == 0 || text_is_unsafe(cp))
				break;
		}
		fwrite(from, 1, (size_t)(text - from), stdout);
		if (text == end)
			break;
		if (len && cp == '\n')
			printf("\n%s", margin);
		else /* jansson writes valid UTF-8 only */
			printf("\\u%04X", len ? (unsigned)cp : 0xfffdu);
		text += len ? len : 1;
	}
}

static int print_value_as(const json_t *value, const char *margin, size_t form)
{
	size_t flags = form | JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY;
	char *text = value ? json_dumps(value, flags) : NULL;

	if (!text)
		return err_set(ST_FAILED, "out of memory");
	print_escaped(text, margin);
	free(text);
	return ferror(stdout) ? cli_write_failed() : 0;
}

static int print_value(const json_t *value, const char *margin)
{
	return print_value_as(value, margin, JSON_INDENT(2));
}

int json_print_line(json_t *value)
{
	int r = print_value_as(value, "", JSON_COMPACT);

	json_decref(value);
	if (r == 0 && (putchar('\n') == EOF || fflush(stdout) != 0))
		r = cli_write_failed();
	return r;
}

int json_print_within(json_t *value, const char *margin)
{
	int r;

	fputs(margin, stdout);
	r = print_value(value, margin);
	json_decref(value);
	return r;
}

int json_print_member(const char *key, const json_t *value, const char *margin)
{
	printf("%s\"%s\": ", margin, key);
	return print_value(value, margin);
}

int json_print(json_t *value)
{
	int r = json_print_within(value, "");

	if (r == 0 && putchar('\n') == EOF)
		r = cli_write_failed();
	return r;
}
