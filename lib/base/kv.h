/*
 * kv: a list of key=value pairs, the format of every request, record and reply.
 *
 *	key '=' value NUL   repeated
 *
 * A key is [a-z0-9_.-]+, at most KV_KEY_MAX bytes.  A value may contain any byte
 * but NUL, so a file name needs no quoting.  A key may repeat; the order is kept.
 * The parser refuses anything else with ST_PEER, since lists come from peers only.
 */
#ifndef IMG_KV_H
#define IMG_KV_H

#include "lib/base/buf.h"

#define KV_KEY_MAX 64
#define KV_PAIRS_MAX 4096   /* pairs in one list */
#define KV_BYTES_MAX 262144 /* bytes of one list */

/* Append a pair to the caller's buf (see buf_failed()); a NULL value appends nothing. */
void kv_add(struct buf *b, const char *key, const char *value);
void kv_addf(struct buf *b, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void kv_add_u64(struct buf *b, const char *key, uint64_t v);
void kv_add_bool(struct buf *b, const char *key, bool v); /* "1" or "0" */

/* A parsed list, which owns a copy of the bytes. */
struct kv {
	char *bytes;
	struct kv_pair {
		const char *key, *value;
	} *pair;
	size_t count;
};

#define KV_INIT { NULL, NULL, 0 }

/*
 * Parses a list into kv, whose old content is not freed.  0, or -1 with an error
 * recorded (ST_PEER; ST_FAILED without memory); then kv is empty.
 */
int kv_parse(struct kv *kv, const void *bytes, size_t len);
void kv_fini(struct kv *kv); /* accepts an empty one */

/* The first value of key, or NULL. */
const char *kv_get(const struct kv *kv, const char *key);

/*
 * Iterates over the values of key: the first one at index *at or later, or NULL.
 * *at begins at 0 and is moved past the pair returned.
 */
const char *kv_each(const struct kv *kv, const char *key, size_t *at);

/*
 * 0, or -1 with ST_PEER recorded: kv, which is called what in that error, lacks one of keys, which
 * are separated by blanks.
 */
int kv_need(const struct kv *kv, const char *what, const char *keys);

/*
 * Typed getters for values from a peer.  1: *out is set; 0: the key is absent and
 * *out unchanged; -1 with ST_PEER recorded: the value is not a decimal number of
 * 64 bits without a sign (u64), or neither 0 nor 1 (bool).
 */
int kv_get_u64(const struct kv *kv, const char *key, uint64_t *out);
int kv_get_bool(const struct kv *kv, const char *key, bool *out);

#endif
