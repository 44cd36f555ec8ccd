/*
 * list_show: a container's entries, gathered and then shown.
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
	int shown; /* that could be */
	struct results results;
	json_t *entries; /* JSON: of the location at hand */
	struct xml xml;
};

/* For c's locations.  0 or -1 recorded. */
int list_show_begin(struct list_show *l, enum list_form form, const struct cli *c);

/*
 * Reads the entries of a `list` request from p to its OK, and shows them.  An
 * entry that could not be looked at is warned of and remembered in *failed
 * (a status).  0 or -1 recorded.
 */
int list_show_one(struct list_show *l, struct peer *p, const struct location *loc, int *failed);

/* The end of the document, if there is anything in it. 0 or -1 recorded. */
int list_show_end(struct list_show *l);

#endif
