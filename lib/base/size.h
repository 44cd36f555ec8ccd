/*
 * size: amounts of bytes as a person writes and reads them.
 */
#ifndef IMG_SIZE_H
#define IMG_SIZE_H

#include <stdint.h>

#define SIZE_LIMIT ((uint64_t)INT64_MAX) /* what a file offset can hold */

/*
 * A number and an optional suffix: none is bytes; k m g t p in either case,
 * and KiB MiB ..., are powers of 1024; KB MB ... powers of 1000.  A fraction
 * is allowed before a suffix (1.5G).  Zero, a sign, an empty number, trailing
 * text, more than SIZE_LIMIT: -1 with ST_USAGE recorded.
 */
int size_parse(const char *s, uint64_t *out);

#define SIZE_HUMAN 16 /* bytes that size_human() needs */

/* "0 B", "512 B", "1.5 KiB", "10 GiB": at most four digits.  Returns out. */
char *size_human(uint64_t bytes, char out[SIZE_HUMAN]);

#endif
