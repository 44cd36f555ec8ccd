/*
 * snap: a snapshot that stays.
 *	REQUEST op=snap, path, name (absent: one with the time), size, dry_run
 *	OK      path: the snapshot's
 */
#include <stdlib.h>

#include "lib/op/op.h"
#include "lib/op/reading.h"

int op_snap(struct session *s, const struct kv *request, struct buf *reply)
{
	const char *path = kv_get(request, "path");
	struct snapshot_want want;
	char *made;
	int r;

	if (reading_snapshot_want(
		    &want, s, op_u64(request, "size", 0), op_flag(request, "dry_run")) < 0)
		return -1;
	want.name = kv_get(request, "name");
	r = snapshot_keep(&made, &s->limits, path, &want);
	if (r == 0)
		kv_add(reply, "path", made);
	free(made);
	return r;
}
