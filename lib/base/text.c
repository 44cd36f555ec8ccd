/*
 * All functions read their input through text_decode(), which never reads beyond a
 * NUL, because a NUL is not a continuation byte.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

#define ESCAPE_LEN 4 /* \xHH */
#define UNIT_MAX (4 * ESCAPE_LEN)
#define DOTS "..."

struct range {
	uint32_t first, last;
};

size_t text_decode(const char *s, size_t left, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s;
	size_t len, i;
	uint32_t c;

	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len > left)
		return 0;
	c = p[0] & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return len;
}

static bool is_in_ranges(const struct range *r, size_t count, uint32_t cp)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (cp >= r[i].first && cp <= r[i].last)
			return true;
	return false;
}

#define IS_IN(table, cp) is_in_ranges(table, sizeof(table) / sizeof(*(table)), cp)

bool text_is_utf8(const char *s, size_t len)
{
	uint32_t cp;

	while (len) {
		size_t n = text_decode(s, len, &cp);

		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

/* Control characters, bidirectional marks and overrides, line separators, the BOM. */
bool text_is_unsafe(uint32_t cp)
{
	static const struct range unsafe[] = {
		{ 0x00, 0x1f },
		{ 0x7f, 0x9f },
		{ 0x61c, 0x61c },
		{ 0x200e, 0x200f },
		{ 0x2028, 0x202e },
		{ 0x2066, 0x206f },
		{ 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb },
	};

	return (cp < 0x20 || cp >= 0x7f) && IS_IN(unsafe, cp);
}

/* Writes the safe form of the character at *s to unit, moves *s past it; the length written. */
static size_t safe_unit(const char **s, size_t left, char unit[UNIT_MAX + 1])
{
	uint32_t cp = 0;
	size_t len = text_decode(*s, left, &cp);
	size_t used = 0;

	if (len > 0 && !text_is_unsafe(cp)) {
		memcpy(unit, *s, len);
		*s += len;
		return len;
	}
	if (len == 1 && (cp == '\n' || cp == '\t')) {
		(*s)++;
		memcpy(unit, cp == '\n' ? "\\n" : "\\t", 2);
		return 2;
	}
	if (len == 0)
		len = 1;
	while (len--) {
		snprintf(unit + used, ESCAPE_LEN + 1, "\\x%02x", (unsigned char)*(*s)++);
		used += ESCAPE_LEN;
	}
	return used;
}

char *text_safe(const char *s, char *out, size_t size)
{
	const char *end = s + strlen(s);
	char unit[UNIT_MAX + 1];
	size_t used = 0, cut = 0;

	while (s < end) {
		size_t n = safe_unit(&s, (size_t)(end - s), unit);

		if (used + n >= size) {
			memcpy(out + cut, DOTS, sizeof(DOTS));
			return out;
		}
		memcpy(out + used, unit, n);
		used += n;
		if (used + sizeof(DOTS) <= size)
			cut = used;
	}
	out[used] = '\0';
	return out;
}

/* Allocates n * factor + 4 bytes.  NULL with an error recorded. */
static char *alloc_scaled(size_t n, size_t factor)
{
	char *p = n < SIZE_MAX / 8 ? malloc(n * factor + 4) : NULL;

	if (!p)
		err_set(ST_FAILED, "out of memory");
	return p;
}

static char *shrink_to_fit(char *p)
{
	char *smaller = realloc(p, strlen(p) + 1);

	return smaller ? smaller : p;
}

char *text_safe_dup(const char *s)
{
	size_t len = strlen(s);
	char *out = alloc_scaled(len, ESCAPE_LEN);

	return out ? shrink_to_fit(text_safe(s, out, len * ESCAPE_LEN + 4)) : NULL;
}

char *text_utf8_dup(const char *s)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const char *end = s + strlen(s);
	char *out = alloc_scaled((size_t)(end - s), sizeof(replacement) - 1);
	char *p = out;
	uint32_t cp;

	if (!out)
		return NULL;
	while (s < end) {
		size_t n = text_decode(s, (size_t)(end - s), &cp);

		if (n) {
			memcpy(p, s, n);
			p += n;
			s += n;
		} else {
			memcpy(p, replacement, sizeof(replacement) - 1);
			p += sizeof(replacement) - 1;
			s++;
		}
	}
	*p = '\0';
	return shrink_to_fit(out);
}

char *text_hex_dup(const char *s)
{
	static const char digit[] = "0123456789abcdef";
	char *out = alloc_scaled(strlen(s), 2);
	char *p = out;

	if (!out)
		return NULL;
	for (; *s; s++) {
		*p++ = digit[(unsigned char)*s >> 4];
		*p++ = digit[(unsigned char)*s & 15];
	}
	*p = '\0';
	return out;
}

/* Characters that take no column of their own, and such that take two. */
static const struct range none[] = {
	{ 0x300, 0x36f },
	{ 0x483, 0x489 },
	{ 0x591, 0x5bd },
	{ 0x5bf, 0x5bf },
	{ 0x5c1, 0x5c2 },
	{ 0x5c4, 0x5c5 },
	{ 0x610, 0x61a },
	{ 0x64b, 0x65f },
	{ 0x670, 0x670 },
	{ 0x6d6, 0x6dc },
	{ 0xe31, 0xe31 },
	{ 0xe34, 0xe3a },
	{ 0xe47, 0xe4e },
	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },
	{ 0x200b, 0x200f },
	{ 0x2060, 0x2064 },
	{ 0x20d0, 0x20ff },
	{ 0x302a, 0x302d },
	{ 0x3099, 0x309a },
	{ 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },
	{ 0xfeff, 0xfeff },
	{ 0xe0100, 0xe01ef },
};
static const struct range wide[] = {
	{ 0x1100, 0x115f },
	{ 0x231a, 0x231b },
	{ 0x23e9, 0x23ec },
	{ 0x2614, 0x2615 },
	{ 0x2648, 0x2653 },
	{ 0x26a1, 0x26a1 },
	{ 0x2705, 0x2705 },
	{ 0x2728, 0x2728 },
	{ 0x274c, 0x274c },
	{ 0x2753, 0x2755 },
	{ 0x2795, 0x2797 },
	{ 0x2b1b, 0x2b1c },
	{ 0x2b50, 0x2b50 },
	{ 0x2b55, 0x2b55 },
	{ 0x2e80, 0x303e },
	{ 0x3041, 0x4dbf },
	{ 0x4e00, 0xa4cf },
	{ 0xa960, 0xa97c },
	{ 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f },
	{ 0x1f680, 0x1f6ff },
	{ 0x1f7e0, 0x1f7eb },
	{ 0x1f900, 0x1f9ff },
	{ 0x1fa70, 0x1faff },
	{ 0x20000, 0x3fffd },
};

/* wcwidth() depends on the locale, which is often C in cron jobs and over ssh. */
static size_t char_width(uint32_t cp)
{
	if (cp < 0x300)
		return 1;
	if (IS_IN(none, cp))
		return 0;
	return IS_IN(wide, cp) ? 2 : 1;
}

size_t text_width(const char *s)
{
	const char *end = s + strlen(s);
	size_t width = 0;
	uint32_t cp;

	while (s < end) {
		size_t n = text_decode(s, (size_t)(end - s), &cp);

		width += n ? char_width(cp) : 1;
		s += n ? n : 1;
	}
	return width;
}
