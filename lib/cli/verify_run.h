/*
 * verify_run: what img-verify does with one location, and with two.
 */
#ifndef IMG_VERIFY_RUN_H
#define IMG_VERIFY_RUN_H

#include "lib/cli/cli.h"

/*
 * Has the image's host read it from end to end: an archive is checked by its block
 * checksums, length and digest, a qcow2 layer by its structure.  Prints the
 * digest and the location.  With as_is, it is bytes of which nothing is checked.  Blocks.  0, or -1
 * recorded: ST_CORRUPT if damaged.
 */
int verify_run_one(struct cli *c, bool live, bool as_is);

/*
 * Compares the contents of two images by the digests that their hosts compute at
 * the same time.  Blocks.  0: equal; -1 recorded: ST_CORRUPT if they differ.
 */
int verify_run_two(struct cli *c, bool live, bool as_is);

#endif
