/*
 * each: does something for each of a command's locations, all of which are tried.
 *
 * Neighbours on the same host share a helper.  The status is that of the
 * first failure; every failure is printed as it happens.
 */
#ifndef IMG_EACH_H
#define IMG_EACH_H

#include "lib/cli/cli.h"

/* A location that stands for this host itself, without a path. */
extern const char each_this_host[];

/* Makes location the only argument if there is none. */
void each_default(struct cli *c, const char *location);

/* Whether the location suits the command.  0, or -1 recorded. */
typedef int each_check_fn(const struct location *loc, void *arg);

/* What to do for one location.  0, or -1 recorded. */
typedef int each_fn(struct peer *p, const struct location *loc, void *arg);

/*
 * Checks all locations (also by check, or NULL) and then calls fn for each: if
 * one is a usage error, nothing is done for any.  Blocks.  *first gets the status of the
 * first failure, which is already printed; unless it is not 0, as fn may have set it for a
 * failure before that.  If standard output cannot be written, nothing more is done; cli_end()
 * tells that.
 */
void each_location(struct cli *c, each_check_fn *check, each_fn *fn, void *arg, int *first);

#endif
