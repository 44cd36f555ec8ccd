/*
 * verify_pair: compares two images by the digests that their hosts compute at the same time.
 *
 * What is compared depends on what both are.  An archive is unpacked, and the layers of a qcow2
 * image in it cannot be read.
 *
 *	one side		the other side		what is compared
 *	qcow2			raw, qcow2		what the guest sees, through all layers
 *	qcow2 in an archive	qcow2, in one or not	the bytes of the qcow2 images
 *	qcow2 in an archive	anything else		nothing: refused
 *	qcow2			another format		nothing: refused
 *	neither has qcow2				the bytes
 */
#ifndef IMG_VERIFY_PAIR_H
#define IMG_VERIFY_PAIR_H

#include "lib/cli/verify_side.h"

/*
 * Compares the images of both arguments of c.  w->flatten is ignored.  Blocks.  0: equal; -1
 * recorded: ST_CORRUPT if they differ, or one is damaged; ST_REFUSED if they cannot be compared.
 */
int verify_pair(struct cli *c, const struct verify_want *w);

#endif
