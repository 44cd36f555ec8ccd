/*
 * commit_delete: deletes the layers that were committed.
 */
#ifndef IMG_COMMIT_DELETE_H
#define IMG_COMMIT_DELETE_H

#include "lib/op/commit.h"

/*
 * What deletes the layers of a record after the chain was closed, in their order; adds `deleted` to
 * the reply for each.  One that is missing was deleted by an interrupted job.  One that no longer
 * stands on the next one, or on the base, is refused, as it may be another image.  The image at the
 * path `keep` (NULL: none) is left.  0, or -1 recorded.
 */
int commit_delete_layers(const struct commit_record *r, const struct place *base, const char *keep,
	bool allow_links, struct buf *reply);

#endif
