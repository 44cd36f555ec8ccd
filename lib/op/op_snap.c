/*
 * snap: takes a snapshot that is kept.
 *	OK  path of the snapshot
 */
#include <stdlib.h>

#include "lib/op/op.h"
#include "lib/op/reading.h"

int op_snap(struct session *s, const struct kv *request, struct buf *reply)
{
	struct snapshot_want want;
	struct place *place;
	struct image *img;
	char *made = NULL;
	int r;

	if (reading_snapshot_want(
		    &want, s, op_u64(request, "size", 0), op_flag(request, "dry_run")) < 0)
		return -1;
	want.name = kv_get(request, "name");
	place = place_open(&s->policy, kv_get(request, "path"));
	img = place ? image_open(place) : NULL;
	if (!img)
		return -1;
	r = snapshot_keep(&made, img, &want);
	if (r == 0)
		kv_add(reply, "path", made);
	free(made);
	image_close(img);
	return r;
}
