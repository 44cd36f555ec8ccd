/*
 * results: what a command found or did, as JSON.  A command that takes one
 * location prints one object, one that was given several an array of objects,
 * for those that it did not fail for; and nothing if it failed for all.
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

/* For so many locations. */
void results_begin(struct results *r, const struct cli *c, int count);

/*
 * Takes the object, and marks that of a dry run; frees it if no JSON is wanted.
 * 0, or -1 if it is NULL.
 */
int results_add(struct results *r, json_t *object);

/* An object with the location. */
json_t *results_object(const char *location);

/* Prints them if JSON is wanted, and frees them.  0 or -1 recorded. */
int results_end(struct results *r);

#endif
