/*
 * verify_run: what img-verify does with one location.
 */
#ifndef IMG_VERIFY_RUN_H
#define IMG_VERIFY_RUN_H

#include "lib/cli/verify_side.h"

/*
 * Has the image's host read it from end to end: an archive is checked by its block
 * checksums, length and digest, a qcow2 layer by its structure.  Prints the
 * digest and the location.  With as_is, it is bytes of which nothing is checked.  Blocks.  0, or -1
 * recorded: ST_CORRUPT if damaged.
 */
int verify_run(struct cli *c, const struct verify_want *w);

#endif
