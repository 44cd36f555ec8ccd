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
#include "lib/host/live.h"
#include "lib/store/place.h"

#define CHAIN_LAYERS_MAX 200 /* as in libvirt */

/*
 * Called for each layer, the uppermost first, with its record: that of info.h, and
 *
 *	depth		0 is the image itself
 *
 * A layer that cannot be shown is the last one, and has of the rest only name and perhaps path:
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
 * Describes the chain of the image at a place, which it takes over, also on failure.  live is what
 * QEMU says of the disks that it has open, or NULL.  0, or -1 recorded if the image itself cannot
 * be described, or each has failed.  Blocks as info_collect() does, for each layer.
 */
int chain_walk(struct place *top, const struct live *live, chain_each *each, void *arg);

#endif
