/*
 * watch_show: the events of img-watch (lib/op/watching.h) as lines, as JSON, as a line of status
 * and as the environment of a command.
 */
#ifndef IMG_WATCH_SHOW_H
#define IMG_WATCH_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/kv.h"

/* An event, validated.  Amounts are bytes, 0 if not known. */
struct watch_shown {
	const char *event; /* borrowed from the record, as the texts below; one of a list */
	const char *location;
	const char *path, *time, *why, *message; /* NULL: none */
	uint64_t capacity, allocation, physical, threshold, max, free, previous;
	bool has_numbers, has_free, is_file, is_dirty, is_dry;
	bool has_guest, is_armed; /* QEMU is asked to tell; and it does */
	int status;		  /* what --once makes of it */
};

/* Reads a record.  0, or -1 with ST_PEER recorded. */
int watch_show_parse(struct watch_shown *e, const struct kv *record, const char *location);

/* Prints a line, or a JSON object on a line, and flushes it.  0, or -1 recorded. */
int watch_show_line(const struct watch_shown *e);
int watch_show_json(const struct watch_shown *e);

/* What is used of what, for a person; without the location.  Appends to out. */
void watch_show_use(const struct watch_shown *e, struct buf *out);

/* Appends NAME=VALUE, each with a NUL at its end: IMG_WATCH_EVENT, IMG_WATCH_LOCATION, ... */
void watch_show_environment(const struct watch_shown *e, struct buf *out);

#endif
