/*
 * The capacity doubles.  Invariant: if data is not NULL, then cap > len, so that
 * buf_str() always has space for its NUL.  After a failed append nothing more
 * is appended, so that the content is always a prefix of what was meant.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define BUF_FIRST 64

void buf_init(struct buf *b)
{
	*b = (struct buf)BUF_INIT;
}

void buf_fini(struct buf *b)
{
	free(b->data);
	buf_init(b);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

int buf_failed(const struct buf *b)
{
	if (b->failed)
		return err_set(ST_FAILED, "out of memory");
	return 0;
}

/* Makes space for add bytes and a NUL; false if that failed. */
static bool buf_grow(struct buf *b, size_t add)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	uint8_t *data;

	if (b->failed)
		return false;
	if (add < b->cap - b->len)
		return true;
	if (add >= SIZE_MAX / 2 - b->len)
		goto fail;
	while (cap - b->len <= add)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data)
		goto fail;
	b->data = data;
	b->cap = cap;
	return true;
fail:
	b->failed = true;
	return false;
}

int buf_reserve(struct buf *b, size_t add)
{
	buf_grow(b, add);
	return buf_failed(b);
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !buf_grow(b, n))
		return;
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		b->failed = true;
	if (n < 0 || !buf_grow(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_u8(struct buf *b, uint8_t v)
{
	buf_add(b, &v, sizeof(v));
}

void buf_u16(struct buf *b, uint16_t v)
{
	uint8_t p[2];

	put_be16(p, v);
	buf_add(b, p, sizeof(p));
}

void buf_u32(struct buf *b, uint32_t v)
{
	uint8_t p[4];

	put_be32(p, v);
	buf_add(b, p, sizeof(p));
}

const char *buf_str(struct buf *b)
{
	if (!b->data)
		return "";
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

void buf_add_lines(struct buf *b, const char *prefix, const char *text)
{
	const char *end;

	for (; (end = strchr(text, '\n')); text = end + 1)
		buf_addf(b, "%s%.*s\n", prefix, (int)(end - text), text);
	buf_addf(b, "%s%s", prefix, text);
}

void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}

void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

void view_init(struct view *v, const void *p, size_t len)
{
	v->p = p;
	v->left = len;
	v->bad = false;
}

const uint8_t *view_bytes(struct view *v, size_t n)
{
	const uint8_t *p = v->p;

	if (v->bad || n > v->left) {
		v->bad = true;
		v->left = 0;
		return NULL;
	}
	if (n) {
		v->p += n;
		v->left -= n;
	}
	return p;
}

uint8_t view_u8(struct view *v)
{
	const uint8_t *p = view_bytes(v, 1);

	return p ? *p : 0;
}

uint16_t view_u16(struct view *v)
{
	const uint8_t *p = view_bytes(v, 2);

	return p ? get_be16(p) : 0;
}

uint32_t view_u32(struct view *v)
{
	const uint8_t *p = view_bytes(v, 4);

	return p ? get_be32(p) : 0;
}

uint64_t view_u64(struct view *v)
{
	const uint8_t *p = view_bytes(v, 8);

	return p ? get_be64(p) : 0;
}

bool view_bad(const struct view *v)
{
	return v->bad;
}
