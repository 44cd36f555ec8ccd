/*
 * info: describes an image or container.
 *	RECORD  lib/store/info.h
 */
#include "lib/op/op.h"
#include "lib/store/info.h"

int op_info(struct session *s, const struct kv *request, struct buf *reply)
{
	struct place *place = place_open(&s->policy, kv_get(request, "path"));
	struct buf record = BUF_INIT;
	int r = -1;

	(void)reply;
	if (place && info_collect(place, NULL, &record) == 0)
		r = op_record(s, &record);
	buf_fini(&record);
	return r;
}
