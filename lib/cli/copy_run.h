/*
 * copy_run: what img-copy and img-write do after their own options are parsed.
 */
#ifndef IMG_COPY_RUN_H
#define IMG_COPY_RUN_H

#include "lib/cli/cli.h"
#include "lib/job/transfer.h"

/*
 * Copies the first argument to the second, shows the progress and then the
 * result.  t has the command's own options; this adds the locations and the
 * shared options.  Blocks.  0, or -1 recorded.
 */
int copy_run(struct cli *c, struct transfer *t);

#endif
