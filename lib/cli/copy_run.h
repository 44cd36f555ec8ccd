/*
 * copy_run: what img-copy and img-write do once their own options are known.
 */
#ifndef IMG_COPY_RUN_H
#define IMG_COPY_RUN_H

#include "lib/cli/cli.h"
#include "lib/job/transfer.h"

/*
 * Transfers the first argument to the second, with progress, and shows the
 * result.  t has the command's own options; the shared ones are taken from c.
 * 0, or -1 recorded.
 */
int copy_run(struct cli *c, struct transfer *t);

#endif
