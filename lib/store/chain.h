/*
 * chain: the layers of an image: the image itself, its backing file, the backing file of that,
 * and so on.
 *
 * What a layer records comes from a guest or an attacker.  Each layer is opened as a place of its
 * own, through the access policy, and taken for what the layer above it records (info.h), so that
 * a guest cannot extend the chain by what it writes into its raw disk.
 */
#ifndef IMG_CHAIN_H
#define IMG_CHAIN_H

#include "lib/base/buf.h"
#include "lib/store/info.h"
#include "lib/store/place.h"

#define CHAIN_LAYERS_MAX 200 /* as in libvirt */

/*
 * Looks at the layer at a place, which it takes over, also on failure, and appends its record.  It
 * sets what is below the layer, as info_collect_layer() does.  0, or -1 recorded.
 */
typedef int chain_look(
	void *arg, struct place *place, struct info_layer *layer, struct buf *record);

/*
 * Called for each layer, the uppermost first, with its record: that of chain_look, and
 *
 *	depth		0 is the image itself
 *
 * A layer that cannot be looked at is the last one, and has of the rest only name and perhaps path:
 *
 *	error.kind	missing, refused (by the access policy, or unreadable), damaged, loop, or
 *			depth (the chain has more than CHAIN_LAYERS_MAX layers)
 *	error.message	for people
 *	status		ST_CORRUPT
 *
 * A layer that is neither a file nor a volume ("nbd:...", "json:...") is also the last one; its
 * record has the name, and the format if that is recorded.  Returns 0 to go on.
 */
typedef int chain_each(void *arg, const struct buf *record);

/*
 * Looks at each layer of the image at a place, which it takes over, also on failure.  arg is passed
 * to both functions.  0, or -1 recorded if the image itself cannot be looked at, or each has
 * failed.  Blocks as look does, for each layer, but the wait for users of volumes (inuse.h) is
 * spent once for all of them.
 */
int chain_walk(struct place *top, chain_look *look, chain_each *each, void *arg);

#endif
