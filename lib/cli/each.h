/*
 * each: one request for each of several locations, all of which are tried.
 *
 * Neighbours on the same host share a helper.  The status is that of the
 * first failure; every failure is printed as it happens.
 */
#ifndef IMG_EACH_H
#define IMG_EACH_H

#include "lib/cli/cli.h"

/* What to do for one location; 0, or -1 recorded. */
typedef int each_fn(struct peer *p, const struct location *loc, void *arg);

/*
 * 0, or the status of the first failure, which is already printed.  An
 * argument that is each_this_host stands for this host itself.
 */
extern const char each_this_host[];
int each_location(struct cli *c, each_fn *fn, void *arg);

#endif
