/*
 * text: names and messages from outside, escaped for display.
 *
 * A file name may contain any byte but NUL and '/'; a peer's message may contain
 * anything.  Text for a terminal must not contain control characters (C0, DEL,
 * C1), bidirectional overrides or invalid UTF-8; text for JSON or XML must be valid
 * UTF-8.  Nothing here blocks or keeps state.
 */
#ifndef IMG_TEXT_H
#define IMG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The length of the character at s, of which left bytes may be read, and its code
 * point; 0 if it is not valid UTF-8.
 */
size_t text_decode(const char *s, size_t left, uint32_t *cp);

/* Whether the code point must not be shown: a control, bidirectional or format character. */
bool text_is_unsafe(uint32_t cp);

/* Whether the len bytes are valid UTF-8 (no surrogates, no overlong forms). */
bool text_is_utf8(const char *s, size_t len);

/*
 * Copies s to out, NUL-terminated.  Each byte of an unsafe character or of invalid
 * UTF-8 becomes \xHH; a newline becomes \n, a tab \t; a backslash is not escaped.
 * If the result does not fit into size bytes (at least 4), it is truncated after a
 * complete character and ends in "...".  Returns out.
 */
char *text_safe(const char *s, char *out, size_t size);

/* As text_safe(), into new memory of the right size; the caller frees it.  NULL: no memory. */
char *text_safe_dup(const char *s);

/*
 * A copy of s in which U+FFFD replaces each invalid byte.  Control characters stay:
 * who writes JSON or XML escapes them.  The caller frees it.  NULL: no memory.
 */
char *text_utf8_dup(const char *s);

/* The bytes of s as lower-case hexadecimal digits; the caller frees it.  NULL: no memory. */
char *text_hex_dup(const char *s);

/* The number of terminal columns of safe UTF-8 text (wide characters take 2). */
size_t text_width(const char *s);

#endif
