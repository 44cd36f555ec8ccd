/*
 * kv: a list of key=value pairs, the form of every request, record and reply.
 *
 *	key '=' value NUL   repeated
 *
 * A key is [a-z0-9_.-]+, at most KV_KEY_MAX bytes; a value is any bytes but
 * NUL (a file name fits as it is).  A key may repeat; order is kept.  Parsing
 * refuses anything else with ST_PEER, as lists only come from a peer.
 */
#ifndef IMG_KV_H
#define IMG_KV_H

#include "lib/base/buf.h"

#define KV_KEY_MAX 64
#define KV_PAIRS_MAX 4096   /* pairs in one list */
#define KV_BYTES_MAX 262144 /* bytes of one list */

/* Appending: to the caller's buf; see buf_failed().  NULL values are left out. */
void kv_add(struct buf *b, const char *key, const char *value);
void kv_addf(struct buf *b, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void kv_add_u64(struct buf *b, const char *key, uint64_t v);
void kv_add_bool(struct buf *b, const char *key, bool v); /* "1" or "0" */

/* A parsed list; it owns a copy of the bytes. */
struct kv {
	char *bytes;
	struct kv_pair {
		const char *key, *value;
	} * pair;
	size_t count;
};

#define KV_INIT                                                                                    \
	{                                                                                          \
		NULL, NULL, 0                                                                      \
	}

/* 0, or -1 with ST_PEER recorded; kv is empty then.  Frees nothing before. */
int kv_parse(struct kv *kv, const void *bytes, size_t len);
void kv_fini(struct kv *kv); /* accepts an empty one */

/* The first value of key, or NULL. */
const char *kv_get(const struct kv *kv, const char *key);

/* The value of the pair at *at or after it with that key, or NULL; moves *at past it. */
const char *kv_each(const struct kv *kv, const char *key, size_t *at);

/*
 * Typed getters of values a peer wrote: 1 and *out set, 0 if the key is absent
 * (*out untouched), -1 with ST_PEER recorded if the value is no plain decimal
 * number in range, or not 0 or 1.
 */
int kv_get_u64(const struct kv *kv, const char *key, uint64_t *out);
int kv_get_bool(const struct kv *kv, const char *key, bool *out);

#endif
