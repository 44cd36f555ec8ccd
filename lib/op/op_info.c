/*
 * info: one image.	REQUEST op=info, path	RECORD info.h	OK
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
