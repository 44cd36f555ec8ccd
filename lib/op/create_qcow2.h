/*
 * create_qcow2: creates an empty qcow2 image, in a file or on a volume.
 */
#ifndef IMG_CREATE_QCOW2_H
#define IMG_CREATE_QCOW2_H

#include "lib/base/buf.h"
#include "lib/base/kv.h"
#include "lib/store/target.h"

/*
 * Creates it at a place, as a request of `create` asks; want has what does not depend on the
 * format.  Takes over place, also on failure.  Adds the keys of the OK to reply.  0, or -1
 * recorded.  Blocks as target_make() and target_commit().
 */
int create_qcow2(struct place *place, const struct target_want *want, const struct kv *request,
	struct buf *reply);

#endif
