/*
 * copy_show: prints the result of a copy.
 */
#ifndef IMG_COPY_SHOW_H
#define IMG_COPY_SHOW_H

#include "lib/cli/cli.h"
#include "lib/job/transfer.h"

/*
 * Prints with --json an object; in a dry run what would be done; otherwise one
 * line on standard error, if the progress was shown to a person (watched) or -v
 * was given.  0, or -1 recorded.
 */
int copy_show(const struct cli *c, bool watched, const struct transfer *t,
	const struct transfer_result *res);

#endif
