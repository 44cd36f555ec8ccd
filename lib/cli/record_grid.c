/*
 * record_grid: see record_grid.h.
 */
#include "lib/cli/record_grid.h"

#include "lib/cli/field_text.h"

enum column_class { AMOUNTS, NUMBERS, TEXTS, CLASSES };

static enum column_class class_of(const struct field *f)
{
	switch (f->type) {
	case FIELD_BYTES:
		return AMOUNTS;
	case FIELD_NUMBER:
	case FIELD_FRACTION:
		return NUMBERS;
	default:
		return TEXTS;
	}
}

/* The columns from left to right; returns how many there are. */
static unsigned columns_of(unsigned views, const struct field *column[GRID_COLUMNS_MAX])
{
	const struct field *f, *name = NULL;
	unsigned count = 0;
	enum column_class class;
	size_t at;

	for (class = AMOUNTS; class < CLASSES; class ++)
		for (at = 0; (f = fields_next(views, &at));) {
			if (!f->column || class_of(f) != class || count == GRID_COLUMNS_MAX)
				continue;
			if (class == TEXTS && !name)
				name = f;
			else
				column[count++] = f;
		}
	if (name && count < GRID_COLUMNS_MAX)
		column[count++] = name;
	return count;
}

void record_grid_head(struct grid *g, unsigned views)
{
	const struct field *column[GRID_COLUMNS_MAX];
	unsigned i, count = columns_of(views, column);

	grid_init(g, count);
	for (i = 0; i < count; i++) {
		g->right[i] = class_of(column[i]) != TEXTS;
		g->rare[i] = column[i]->is_rare;
		grid_cell(g, column[i]->column);
	}
}

int record_grid_row(struct grid *g, const struct kv *record, unsigned views)
{
	const struct field *column[GRID_COLUMNS_MAX];
	unsigned i, count = columns_of(views, column);
	struct buf text = BUF_INIT;

	if (fields_check(views, record) < 0)
		return -1;
	for (i = 0; i < count; i++) {
		buf_clear(&text);
		field_text(&text, column[i], record);
		grid_cell(g, buf_str(&text));
		g->cells.failed = g->cells.failed || text.failed;
	}
	buf_fini(&text);
	return 0;
}
