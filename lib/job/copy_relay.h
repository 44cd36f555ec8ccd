/*
 * copy_relay: a copy between two helpers, with this process between them.
 */
#ifndef IMG_COPY_RELAY_H
#define IMG_COPY_RELAY_H

#include "lib/job/transfer.h"

/*
 * Copies from one helper's host to the other's.  Blocks.  0 with res filled,
 * or -1 recorded, the text beginning with the location that failed.
 */
int copy_relay(
	const struct transfer *t, struct peer *from, struct peer *to, struct transfer_result *res);

#endif
