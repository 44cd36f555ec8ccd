/*
 * copy_run: what img-copy and img-write do after their own options are parsed.
 */
#ifndef IMG_COPY_RUN_H
#define IMG_COPY_RUN_H

#include "lib/cli/cli.h"
#include "lib/job/transfer.h"

/*
 * The end of main(): unless r < 0 (an error is recorded) copies each argument but the
 * last to the last, shows the progress and then the results.  All are tried.  t has
 * the command's own options; this adds the locations and the shared options.
 * Blocks.  Returns the exit status: that of the first failure.
 */
int copy_end(struct cli *c, struct transfer *t, int r);

#endif
