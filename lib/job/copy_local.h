/*
 * copy_local: a copy with both ends on one host, whose helper does all of it.
 */
#ifndef IMG_COPY_LOCAL_H
#define IMG_COPY_LOCAL_H

#include "lib/job/transfer.h"

/*
 * Copies on p's host.  Blocks.  0 with res filled, or -1 recorded, the text
 * beginning with the location that failed.
 */
int copy_local(const struct transfer *t, struct peer *p, struct transfer_result *res);

#endif
