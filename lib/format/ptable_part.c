/*
 * ptable_part: see ptable_part.h.
 */
#include "lib/format/ptable_part.h"

#include <stdlib.h>

static int compare_starts(const void *a, const void *b)
{
	const struct ptable_part *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

bool ptable_part_overlap(struct ptable_part *p, size_t n)
{
	size_t i;

	if (n < 2)
		return false;
	qsort(p, n, sizeof(*p), compare_starts);
	for (i = 1; i < n; i++)
		if (p[i].start < p[i - 1].end)
			return true;
	return false;
}

const struct ptable_part *ptable_part_last(const struct ptable_part *p, size_t n)
{
	const struct ptable_part *last = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		if (!last || p[i].end > last->end)
			last = &p[i];
	return last;
}
