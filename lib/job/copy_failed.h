/*
 * copy_failed: which of the two helpers of a copy is to blame for its failure.
 */
#ifndef IMG_COPY_FAILED_H
#define IMG_COPY_FAILED_H

#include <stdbool.h>

#include "lib/job/transfer.h"

/*
 * Replaces the recorded error by that of the helper which failed first, with its location.  Over
 * data lanes it waits for a moment, as the end of one helper is an error of the other, too.
 * Returns -1.
 */
int copy_failed(const struct transfer *t, struct peer *from, struct peer *to, bool went_over_lanes);

#endif
