/*
 * text: names and messages from outside, made fit to be shown.
 *
 * A file name may hold any byte but NUL and '/'; a peer's message may hold
 * anything.  What reaches a terminal has no control characters (C0, DEL, C1),
 * no bidirectional overrides and no invalid UTF-8; what reaches JSON or XML is
 * valid UTF-8.  Pure functions; nothing blocks.
 */
#ifndef IMG_TEXT_H
#define IMG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the len bytes are valid UTF-8 (no surrogates, no overlong forms). */
bool text_is_utf8(const char *s, size_t len);

/*
 * Writes s into out, NUL-terminated, with every unsafe byte or character as
 * \xHH for each of its bytes (newline as \n, tab as \t, a backslash stays);
 * cut at a character's boundary, with "..." at its end, if it does not fit.
 * size is at least 4.  Returns out.
 */
char *text_safe(const char *s, char *out, size_t size);

/* As text_safe() into fresh memory of the right size; the caller frees it. */
char *text_safe_dup(const char *s);

/*
 * A copy with each invalid byte replaced by U+FFFD; control characters stay
 * (JSON escapes them).  The caller frees it.  NULL only without memory.
 */
char *text_utf8_dup(const char *s);

/* The bytes of s as lower-case hexadecimal digits; the caller frees it. */
char *text_hex_dup(const char *s);

/* Columns that safe UTF-8 text takes on a terminal (wide characters are 2). */
size_t text_width(const char *s);

#endif
