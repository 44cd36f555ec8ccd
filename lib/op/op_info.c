/*
 * info: one image.	REQUEST op=info, path	RECORD info.h	OK
 */
#include "lib/op/op.h"
#include "lib/store/info.h"

int op_info(struct session *s, const struct kv *request, struct buf *reply)
{
	struct buf record = BUF_INIT;
	int r = -1;

	(void)reply;
	if (info_collect(&s->limits, kv_get(request, "path"), NULL, &record) == 0)
		r = op_record(s, &record);
	buf_fini(&record);
	return r;
}
