/*
 * watch_run: what img-watch does after its options are parsed: asks the helpers of all hosts to
 * watch, prints their events, runs the user's command, and tells systemd how it goes.
 */
#ifndef IMG_WATCH_RUN_H
#define IMG_WATCH_RUN_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/cli/cli.h"

struct watch_run_want {
	struct buf keys;  /* of the request, but its paths and dry_run */
	const char *exec; /* the user's command, or NULL */
	bool once;	  /* look once, also in a dry run */
};

/*
 * Watches all locations of c until cancel is set, or nothing is left to watch.  Errors of a disk or
 * a host are printed, and *status is that of the first.  0, or -1 with another error recorded.  Of
 * a host that is lost, or whose disks cannot be measured any more, the others are watched further.
 */
int watch_run(struct cli *c, const struct watch_run_want *want, int *status);

#endif
