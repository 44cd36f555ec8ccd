/*
 * check_chain: verifies each layer of an image, without reading all of its data.
 *
 * A layer's record has, besides the keys of chain.h:
 *
 *	path, name, format
 *	result		what the check found; absent if it failed:
 *			intact, leaks	qcow2; as in check_layer.h
 *			readable	raw: it exists and can be read
 *			unchecked	another format, whose structure is not checked
 *	dirty, checked_by		qcow2; as in check_layer.h
 *	error.kind	why it failed: as in chain.h, or busy (in use), or failed (the check itself)
 *	error.message	for people
 *	status		ST_BUSY if busy, ST_FAILED if failed, else ST_CORRUPT
 *
 * After a failure the layers below follow as well, if it is known what they are.
 */
#ifndef IMG_CHECK_CHAIN_H
#define IMG_CHECK_CHAIN_H

#include "lib/store/chain.h"

/*
 * Verifies the layers of the image at a place, which it takes over, also on failure, and calls each
 * for each one.  live: they may be in use.  0, also if layers failed; or -1 recorded if the image
 * itself cannot be opened, or is in use, unfinished or an archive, or each has failed.  Blocks as
 * check_layer() does, for each layer.
 */
int check_chain(struct place *top, bool live, chain_each *each, void *arg);

#endif
