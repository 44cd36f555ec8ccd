/*
 * size: amounts of bytes in the form that people write and read.
 */
#ifndef IMG_SIZE_H
#define IMG_SIZE_H

#include <stdint.h>

#define SIZE_LIMIT ((uint64_t)INT64_MAX) /* the largest file offset */

/*
 * Parses a number with an optional suffix into bytes.  Without a suffix the number
 * is bytes; k m g t p in either case, and KiB MiB ..., are powers of 1024; KB MB ...
 * are powers of 1000.  A fraction is allowed before a suffix (1.5G).  0, or -1 with
 * ST_USAGE recorded: zero, a sign, no number, an unknown suffix, or more than
 * SIZE_LIMIT.
 */
int size_parse(const char *s, uint64_t *out);

#define SIZE_HUMAN 16 /* bytes that size_human() needs */

/* Formats bytes as "0 B", "1.5 KiB" or "10 GiB", with at most four digits.  Returns out. */
char *size_human(uint64_t bytes, char out[SIZE_HUMAN]);

#endif
