/*
 * copy_show: prints the result of a copy.
 */
#ifndef IMG_COPY_SHOW_H
#define IMG_COPY_SHOW_H

#include "lib/cli/results.h"
#include "lib/job/host_snapshots.h"
#include "lib/job/transfer.h"

/*
 * Adds an object to the results, if JSON is wanted; in a dry run prints what would be
 * done; otherwise prints one line on standard error, if the progress was shown to a
 * person (watched) or -v was given.  0, or -1 recorded.
 */
int copy_show(struct results *results, bool watched, const struct transfer *t,
	const struct transfer_result *res);

/* In a dry run: prints of which sources the snapshots would be taken together. */
void copy_show_together(const struct host_snapshots *taken);

#endif
