/*
 * record_lines: a helper's record as lines of a title and a value.
 */
#ifndef IMG_RECORD_LINES_H
#define IMG_RECORD_LINES_H

#include "lib/cli/fields.h"
#include "lib/cli/table.h"

/*
 * Adds a line for each value that the record has for these views (fields.h).
 * 0, or -1 recorded.
 */
int record_lines(struct table *t, const struct kv *record, unsigned views);

#endif
