/*
 * copy_show: what a copy came to.
 */
#ifndef IMG_COPY_SHOW_H
#define IMG_COPY_SHOW_H

#include "lib/cli/cli.h"
#include "lib/job/transfer.h"

/*
 * With --json an object on standard output; in a dry run what would happen;
 * else one line on standard error, if the user watched the progress or asked
 * for more (-v).  0, or -1 recorded.
 */
int copy_show(const struct cli *c, bool watched, const struct transfer *t,
	const struct transfer_result *res);

#endif
