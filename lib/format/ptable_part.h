/*
 * ptable_part: the partitions of a table, whatever its kind.
 */
#ifndef IMG_PTABLE_PART_H
#define IMG_PTABLE_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ptable_part {
	uint64_t start, end; /* bytes; end > start */
	unsigned number;     /* from 1 */
};

/* Sorts n partitions by their beginnings.  Whether any two overlap. */
bool ptable_part_overlap(struct ptable_part *p, size_t n);

/* The one of n that ends last; NULL if n is 0. */
const struct ptable_part *ptable_part_last(const struct ptable_part *p, size_t n);

#endif
