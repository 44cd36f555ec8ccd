/*
 * grid: rows of cells under a heading, each column as wide as its widest cell.
 * All text is made safe for a terminal.
 */
#ifndef IMG_GRID_H
#define IMG_GRID_H

#include <stdbool.h>

#include "lib/base/buf.h"

#define GRID_COLUMNS_MAX 8

struct grid {
	unsigned columns;
	bool right[GRID_COLUMNS_MAX]; /* the column is aligned to the right */
	size_t width[GRID_COLUMNS_MAX];
	struct buf cells; /* NUL-terminated, row by row */
	size_t count;
};

void grid_init(struct grid *g, unsigned columns);
void grid_fini(struct grid *g);

/* The next cell, from left to right; NULL is "-".  The first row is the heading. */
void grid_cell(struct grid *g, const char *text);

/* Prints to standard output.  0, or -1 recorded. */
int grid_print(const struct grid *g);

#endif
