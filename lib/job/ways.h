/*
 * ways: the two ways of a transfer, a file each (within.c, across.c).
 *
 * Both block, return 0 with res filled, or -1 recorded with the location that
 * is to blame in front.
 */
#ifndef IMG_WAYS_H
#define IMG_WAYS_H

#include "lib/job/transfer.h"

/* Both ends on p's host. */
int within_copy(const struct transfer *t, struct peer *p, struct transfer_result *res);

/* From one helper to another. */
int across_copy(
	const struct transfer *t, struct peer *from, struct peer *to, struct transfer_result *res);

#endif
