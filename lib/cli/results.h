/*
 * results: the result of a command as JSON.  For one location that is an object;
 * for several an array, with an object for each location that did not fail.  If
 * all failed, nothing is printed.
 */
#ifndef IMG_RESULTS_H
#define IMG_RESULTS_H

#include <jansson.h>

#include "lib/base/kv.h"
#include "lib/cli/cli.h"

struct results {
	bool is_dry, is_single;
	json_t *all; /* NULL: no JSON is wanted */
};

/* Prepares for count locations. */
void results_begin(struct results *r, const struct cli *c, int count);

/*
 * Takes ownership of the object, which gets `dry_run` in a dry run.  0, or -1 recorded
 * if it is NULL.
 */
int results_add(struct results *r, json_t *object);

/* A new object with `location`. */
json_t *results_object(const char *location);

/* Prints them if JSON is wanted, and frees them.  0 or -1 recorded. */
int results_end(struct results *r);

#endif
