/*
 * reading_stdin: standard input as the source of a copy.  It is recognised by its first bytes,
 * and read as a stream.
 */
#ifndef IMG_READING_STDIN_H
#define IMG_READING_STDIN_H

#include "lib/op/reading.h"

/* As reading_open(), for an empty r.  Blocks until the first bytes have arrived. */
int reading_stdin_open(struct reading *r, const struct reading_want *want);

#endif
