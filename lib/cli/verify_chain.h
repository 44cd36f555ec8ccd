/*
 * verify_chain: what img-verify --chain does: the layers of one image.
 */
#ifndef IMG_VERIFY_CHAIN_H
#define IMG_VERIFY_CHAIN_H

#include "lib/cli/cli.h"

/*
 * Has the image's host verify each layer (lib/op/check_chain.h), and prints a line, or a member of
 * a JSON array, for each.  live: the layers may be in use.  Blocks.  0, or -1 recorded: why the
 * first layer failed that did; warnings tell about the others.
 */
int verify_chain(struct cli *c, bool live);

#endif
