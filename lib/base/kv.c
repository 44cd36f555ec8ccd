/*
 * A parsed list is a copy of the bytes, in which the '=' after each key is replaced
 * by a NUL, and an array of pointers into that copy.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"

#define KEY_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_.-"

void kv_add(struct buf *b, const char *key, const char *value)
{
	size_t was = b->len;

	if (!value)
		return;
	buf_adds(b, key);
	buf_u8(b, '=');
	buf_adds(b, value);
	buf_u8(b, 0);
	if (b->failed)
		b->len = was;
}

void kv_addf(struct buf *b, const char *key, const char *fmt, ...)
{
	char *value = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	kv_add(b, key, value);
	free(value);
}

void kv_add_u64(struct buf *b, const char *key, uint64_t v)
{
	kv_addf(b, key, "%llu", (unsigned long long)v);
}

void kv_add_bool(struct buf *b, const char *key, bool v)
{
	kv_add(b, key, v ? "1" : "0");
}

static int refuse_list(const char *why)
{
	return err_set(ST_PEER, "invalid key=value list from the peer: %s", why);
}

/* The number of pairs in len bytes, or -1 with an error recorded. */
static int count_pairs(const char *bytes, size_t len)
{
	int pairs = 0;
	size_t i;

	if (len > KV_BYTES_MAX)
		return refuse_list("too long");
	if (len && bytes[len - 1])
		return refuse_list("truncated");
	for (i = 0; i < len; i++)
		pairs += !bytes[i];
	if (pairs > KV_PAIRS_MAX)
		return refuse_list("too many pairs");
	return pairs;
}

int kv_parse(struct kv *kv, const void *bytes, size_t len)
{
	int pairs = count_pairs(bytes, len);
	char *p;

	*kv = (struct kv)KV_INIT;
	if (pairs <= 0)
		return pairs;
	kv->bytes = malloc(len);
	kv->pair = calloc((size_t)pairs, sizeof(*kv->pair));
	if (!kv->bytes || !kv->pair) {
		err_set(ST_FAILED, "out of memory");
		goto fail;
	}
	memcpy(kv->bytes, bytes, len);
	for (p = kv->bytes; kv->count < (size_t)pairs; kv->count++) {
		struct kv_pair *pair = &kv->pair[kv->count];
		size_t key_len = strspn(p, KEY_CHARS);

		if (key_len == 0 || key_len > KV_KEY_MAX || p[key_len] != '=') {
			refuse_list("invalid key");
			goto fail;
		}
		p[key_len] = '\0';
		pair->key = p;
		pair->value = p + key_len + 1;
		p += key_len + 1 + strlen(pair->value) + 1;
	}
	return 0;
fail:
	kv_fini(kv);
	return -1;
}

void kv_fini(struct kv *kv)
{
	free(kv->bytes);
	free(kv->pair);
	*kv = (struct kv)KV_INIT;
}

const char *kv_each(const struct kv *kv, const char *key, size_t *at)
{
	while (*at < kv->count) {
		const struct kv_pair *pair = &kv->pair[(*at)++];

		if (strcmp(pair->key, key) == 0)
			return pair->value;
	}
	return NULL;
}

const char *kv_get(const struct kv *kv, const char *key)
{
	size_t at = 0;

	return kv_each(kv, key, &at);
}

int kv_need(const struct kv *kv, const char *what, const char *keys)
{
	char key[KV_KEY_MAX + 1];
	size_t len;

	for (; *keys; keys += len, keys += strspn(keys, " ")) {
		len = strcspn(keys, " ");
		snprintf(key, sizeof(key), "%.*s", (int)len, keys);
		if (!kv_get(kv, key))
			return err_set(ST_PEER, "protocol error: %s without '%s'", what, key);
	}
	return 0;
}

int kv_get_u64(const struct kv *kv, const char *key, uint64_t *out)
{
	const char *s = kv_get(kv, key);
	uint64_t v = 0;
	size_t i;

	if (!s)
		return 0;
	for (i = 0; s[i] >= '0' && s[i] <= '9'; i++) {
		unsigned digit = (unsigned)(s[i] - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return err_set(
				ST_PEER, "invalid value of '%s' from the peer: too large", key);
		v = v * 10 + digit;
	}
	if (i == 0 || s[i])
		return err_set(ST_PEER, "invalid value of '%s' from the peer: not a number", key);
	*out = v;
	return 1;
}

int kv_get_bool(const struct kv *kv, const char *key, bool *out)
{
	const char *s = kv_get(kv, key);

	if (!s)
		return 0;
	if (strcmp(s, "0") != 0 && strcmp(s, "1") != 0)
		return err_set(
			ST_PEER, "invalid value of '%s' from the peer: neither 0 nor 1", key);
	*out = s[0] == '1';
	return 1;
}
