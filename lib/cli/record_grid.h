/*
 * record_grid: a helper's records as rows of columns below a heading.
 *
 * Amounts come first, then other numbers, then texts.  The first column of text
 * is what the record is called: it comes last, so that a long name moves nothing.
 */
#ifndef IMG_RECORD_GRID_H
#define IMG_RECORD_GRID_H

#include "lib/cli/fields.h"
#include "lib/cli/grid.h"

/* Initialises the grid and adds the heading of these views' columns (fields.h). */
void record_grid_head(struct grid *g, unsigned views);

/* Adds the record's row to a grid of the same views.  0, or -1 recorded. */
int record_grid_row(struct grid *g, const struct kv *record, unsigned views);

#endif
