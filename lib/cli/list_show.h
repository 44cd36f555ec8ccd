/*
 * list_show: prints the entries of containers.
 */
#ifndef IMG_LIST_SHOW_H
#define IMG_LIST_SHOW_H

#include "lib/cli/grid.h"
#include "lib/cli/results.h"
#include "lib/cli/xml.h"

enum list_form { LIST_TABLE, LIST_JSON, LIST_XML };

struct list_show {
	enum list_form form;
	int count; /* locations that will be listed */
	int shown; /* locations that have been listed */
	struct results results;
	json_t *entries; /* JSON: of the current location */
	struct xml xml;
};

/* Prepares for c's locations.  0, or -1 recorded. */
int list_show_begin(struct list_show *l, enum list_form form, const struct cli *c);

/*
 * Receives the answers to a `list` request and prints the entries.  An entry with
 * an error causes a warning, and *failed is set to the first such status.  Blocks.
 * 0, or -1 recorded.
 */
int list_show_one(struct list_show *l, struct peer *p, const struct location *loc, int *failed);

/* Prints the document, if anything was listed.  0, or -1 recorded. */
int list_show_end(struct list_show *l);

#endif
