/*
 * grid: the last column is not padded, so that no line ends in blanks.
 */
#include "lib/cli/grid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/cli/cli.h"

void grid_init(struct grid *g, unsigned columns)
{
	memset(g, 0, sizeof(*g));
	buf_init(&g->cells);
	g->columns = columns;
}

void grid_fini(struct grid *g)
{
	buf_fini(&g->cells);
}

void grid_cell(struct grid *g, const char *text)
{
	char *safe = text_safe_dup(text && *text ? text : "-");
	unsigned column = (unsigned)(g->count % g->columns);
	size_t *width = &g->width[column];

	if (g->count++ >= g->columns && text && *text)
		g->used[column] = true;
	if (!safe) {
		g->cells.failed = true;
		return;
	}
	if (text_width(safe) > *width)
		*width = text_width(safe);
	buf_add(&g->cells, safe, strlen(safe) + 1);
	free(safe);
}

bool grid_is_full(const struct grid *g)
{
	return g->cells.len >= GRID_HELD_MAX;
}

int grid_print(struct grid *g)
{
	const char *cell = (const char *)g->cells.data;
	unsigned column;
	int pad;

	if (buf_failed(&g->cells) < 0)
		return -1;
	if (grid_is_full(g)) /* more rows may follow */
		memset(g->used, true, sizeof(g->used));
	for (; g->shown < g->count; g->shown++, cell += strlen(cell) + 1) {
		column = (unsigned)(g->shown % g->columns);
		if (g->rare[column] && !g->used[column])
			continue;
		pad = (int)(g->width[column] - text_width(cell));
		if (g->right[column])
			printf("%*s%s", pad, "", cell);
		else if (column + 1 < g->columns)
			printf("%s%*s", cell, pad, "");
		else
			printf("%s", cell);
		fputs(column + 1 < g->columns ? "  " : "\n", stdout);
	}
	buf_clear(&g->cells);
	return ferror(stdout) ? cli_write_failed() : 0;
}
