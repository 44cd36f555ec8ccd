/*
 * buf: a growing byte buffer, and a bounds-checked view of bytes from outside.
 *
 * Integers are big-endian on every machine.  If a buf cannot grow, it keeps its
 * content, drops this and all later appends, and remembers the failure: the
 * caller checks buf_failed() once, at the end, instead of after each append.  A
 * view never reads past its end: the first getter that would do so marks it bad,
 * and all later getters return 0 or NULL; the caller checks view_bad() once, at
 * the end.  Nothing blocks.
 */
#ifndef IMG_BUF_H
#define IMG_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	bool failed;
};

#define BUF_INIT { NULL, 0, 0, false }

void buf_init(struct buf *b);
void buf_fini(struct buf *b);  /* frees the memory; the buf is empty and usable again */
void buf_clear(struct buf *b); /* empties it but keeps the memory */

/* Makes space for add more bytes at data + len.  0, or -1 with ST_FAILED recorded. */
int buf_reserve(struct buf *b, size_t add);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s); /* without the NUL */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);

/* 0, or -1 with ST_FAILED "out of memory" recorded if an append failed. */
int buf_failed(const struct buf *b);

/* The content as a C string, valid until the next append; "" if empty. */
const char *buf_str(struct buf *b);

/* Appends text, with the prefix before each of its lines, also before an empty one at its end. */
void buf_add_lines(struct buf *b, const char *prefix, const char *text);

/* Store at p and load from p, in network order. */
void put_be16(uint8_t *p, uint16_t v);
void put_be32(uint8_t *p, uint32_t v);
void put_be64(uint8_t *p, uint64_t v);
uint16_t get_be16(const uint8_t *p);
uint32_t get_be32(const uint8_t *p);
uint64_t get_be64(const uint8_t *p);

struct view {
	const uint8_t *p;
	size_t left;
	bool bad;
};

void view_init(struct view *v, const void *p, size_t len);
uint8_t view_u8(struct view *v);
uint16_t view_u16(struct view *v);
uint32_t view_u32(struct view *v);
uint64_t view_u64(struct view *v);
const uint8_t *view_bytes(struct view *v, size_t n); /* points into the bytes viewed */
bool view_bad(const struct view *v);

#endif
