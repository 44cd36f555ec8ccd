/*
 * schema: see schema.h.
 *
 * An operation has a few dozen keys at most, so a key is found by a walk over
 * its list.  A request may have thousands of pairs, but the check ends at the
 * first that is unknown or repeated.
 */
#include "lib/op/schema.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"

#define SHOWN_MAX 64 /* bytes of a bad value in a message */

const struct op_key *schema_key(const struct schema *s, size_t number)
{
	const struct op_key *key;
	size_t group;

	for (group = 0; group < SCHEMA_GROUPS_MAX && s->groups[group]; group++)
		for (key = s->groups[group]; key->name; key++)
			if (number-- == 0)
				return key;
	return NULL;
}

static const struct op_key *schema_find(const struct schema *s, const char *name)
{
	static const struct op_key op = { .name = "op", .required = true };
	const struct op_key *key;
	size_t i;

	if (strcmp(name, op.name) == 0)
		return &op;
	for (i = 0; (key = schema_key(s, i)); i++)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

/* NULL if the pair's value is of the key's type, else what is wrong with it. */
static const char *schema_type_fault(const struct op_key *key, struct kv_pair *pair)
{
	const struct kv alone = { .pair = pair, .count = 1 };
	const char *value = pair->value;
	uint64_t number;
	size_t i;

	switch (key->type) {
	case KEY_TEXT:
		return NULL;
	case KEY_PATH:
		return *value ? NULL : "is empty";
	case KEY_NAME:
		return strchr(value, '/') ? "has a '/'" : NULL;
	case KEY_FLAG:
		return strcmp(value, "0") == 0 || strcmp(value, "1") == 0 ? NULL : "is not 0 or 1";
	case KEY_U64:
		return kv_get_u64(&alone, pair->key, &number) == 1 ? NULL : "is not a number";
	case KEY_WORD:
		for (i = 0; key->words[i]; i++)
			if (strcmp(value, key->words[i]) == 0)
				return NULL;
		return "is not a known word";
	}
	return NULL;
}

static int schema_check_pair(
	const struct schema *s, const char *op, const struct kv *request, struct kv_pair *pair)
{
	const struct op_key *key = schema_find(s, pair->key);
	const char *fault;

	if (!key)
		return err_set(
			ST_PEER, "protocol error: %s with an unknown key '%s'", op, pair->key);
	if (!key->repeats && kv_get(request, pair->key) != pair->value)
		return err_set(ST_PEER, "protocol error: %s with '%s' twice", op, pair->key);
	fault = schema_type_fault(key, pair);
	if (fault)
		return err_set(ST_PEER, "protocol error: %s with '%s' that %s: '%.*s'", op,
			pair->key, fault, SHOWN_MAX, pair->value);
	return 0;
}

static bool schema_is_set(const struct op_key *key, const char *value)
{
	return value && (key->type != KEY_FLAG || strcmp(value, "1") == 0);
}

/* Whether what is required is there, and nothing that excludes it. */
static int schema_check_key(const struct op_key *key, const char *op, const struct kv *request)
{
	const char *flag = key->instead ? kv_get(request, key->instead) : NULL;
	bool is_instead = flag && strcmp(flag, "1") == 0;
	bool is_there = kv_get(request, key->name);

	if (is_there && is_instead)
		return err_set(ST_PEER, "protocol error: %s with both '%s' and '%s'", op, key->name,
			key->instead);
	if (!is_there && !is_instead && (key->required || key->instead))
		return err_set(ST_PEER, "protocol error: %s without '%s'", op, key->name);
	return 0;
}

int schema_check(const struct schema *s, const char *op, const struct kv *request)
{
	const struct op_key *key;
	size_t i;

	for (i = 0; i < request->count; i++)
		if (schema_check_pair(s, op, request, &request->pair[i]) < 0)
			return -1;
	for (i = 0; (key = schema_key(s, i)); i++)
		if (schema_check_key(key, op, request) < 0)
			return -1;
	return 0;
}

unsigned schema_needs(const struct schema *s, const struct kv *request)
{
	unsigned needs = s->needs, spares = 0;
	const struct op_key *key;
	size_t i;

	for (i = 0; (key = schema_key(s, i)); i++) {
		if (!schema_is_set(key, kv_get(request, key->name)))
			continue;
		needs |= key->needs;
		spares |= key->spares;
	}
	return needs & ~spares;
}

int schema_allow(const struct schema *s, const char *op, const struct kv *request, unsigned has)
{
	static const char *const words[] = { "read", "write", "create", "delete", "snapshot",
		"execute" };
	unsigned lacks = schema_needs(s, request) & ~has;
	char text[80] = "";
	size_t i, n = 0;

	if (!lacks)
		return 0;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (lacks & 1u << i)
			n += (size_t)snprintf(
				text + n, sizeof(text) - n, "%s%s", n ? ", " : "", words[i]);
	return err_set(
		ST_REFUSED, "this helper may not do that: %s needs the right to %s", op, text);
}
