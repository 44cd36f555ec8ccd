/*
 * table: "title  value" lines whose values begin in one column.  All text is
 * made safe for a terminal.
 */
#ifndef IMG_TABLE_H
#define IMG_TABLE_H

#include "lib/base/buf.h"

struct table {
	struct buf text; /* title NUL value NUL, repeated */
	size_t width;	 /* of the longest title, in columns */
};

void table_init(struct table *t);
void table_fini(struct table *t);

void table_rowf(struct table *t, const char *title, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Adds a row with the local time of "1700000000.123456789", seconds since 1970; none
 * if seconds is NULL or no time.
 */
void table_time(struct table *t, const char *title, const char *seconds);

/* Prints to standard output.  0, or -1 recorded. */
int table_print(struct table *t);

#endif
