/*
 * grid: rows of cells under a heading, each column as wide as its widest cell.
 * All text is made safe for a terminal.
 *
 * A grid holds its rows until it is printed.  Whoever adds any number of them
 * prints it whenever grid_is_full(): then the columns are as wide as they have
 * been so far, and none is left out.
 */
#ifndef IMG_GRID_H
#define IMG_GRID_H

#include <stdbool.h>

#include "lib/base/buf.h"

#define GRID_COLUMNS_MAX 8

struct grid {
	unsigned columns;
	bool right[GRID_COLUMNS_MAX]; /* the column is aligned to the right */
	bool rare[GRID_COLUMNS_MAX];  /* it is left out of a table that has nothing there */
	bool used[GRID_COLUMNS_MAX]; /* a cell below the heading has something, or may have later */
	size_t width[GRID_COLUMNS_MAX];
	struct buf cells; /* NUL-terminated, row by row */
	size_t count;	  /* cells that were added, also those printed already */
	size_t shown;	  /* of them */
};

void grid_init(struct grid *g, unsigned columns);
void grid_fini(struct grid *g);

/* The next cell, from left to right; NULL and "" are "-".  The first row is the heading. */
void grid_cell(struct grid *g, const char *text);

/* Whether the grid holds GRID_HELD_MAX bytes of text. */
#define GRID_HELD_MAX (1u << 20)
bool grid_is_full(const struct grid *g);

/* Prints the rows that it holds to standard output, and drops them.  0, or -1 recorded. */
int grid_print(struct grid *g);

#endif
