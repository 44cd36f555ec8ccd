/*
 * list_show: prints the entries of containers as they come; it keeps at most some
 * rows of a table, whose columns fit their widest cell (grid.h).
 */
#ifndef IMG_LIST_SHOW_H
#define IMG_LIST_SHOW_H

#include "lib/cli/cli.h"
#include "lib/cli/grid.h"
#include "lib/cli/json_list.h"
#include "lib/cli/xml.h"

enum list_form { LIST_TABLE, LIST_JSON, LIST_XML };

struct list_show {
	enum list_form form;
	int count;	/* locations that will be listed */
	int shown;	/* locations that have been listed */
	bool is_titled; /* table: the title of the current location has been printed */
	struct grid grid;
	struct json_list json;
	struct xml xml;
};

/* Prepares for c's locations.  0, or -1 recorded. */
int list_show_begin(struct list_show *l, enum list_form form, const struct cli *c);

/*
 * Receives the answers to a `list` request and prints the entries.  An entry with
 * an error causes a warning, and *failed is set to the first such status.  Blocks.
 * 0, or -1 recorded.  Once standard output cannot be written to, it prints and
 * reads nothing more: cli_end() tells that.
 */
int list_show_one(struct list_show *l, struct peer *p, const struct location *loc, int *failed);

/* Ends the document, if anything was listed.  0, or -1 recorded. */
int list_show_end(struct list_show *l);

#endif
