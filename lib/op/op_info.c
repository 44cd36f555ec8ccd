/*
 * info: describes an image or container; with chain the layers of an image, too.
 *	RECORD  lib/store/info.h; with chain one for each layer, as in lib/store/chain.h
 */
#include "lib/op/op.h"
#include "lib/store/chain.h"
#include "lib/store/info.h"

static int send_layer(void *arg, const struct buf *record)
{
	return op_record(arg, record);
}

static int send_image(struct session *s, struct place *place)
{
	struct buf record = BUF_INIT;
	int r = info_collect(place, NULL, &record);

	if (r == 0)
		r = op_record(s, &record);
	buf_fini(&record);
	return r;
}

int op_info(struct session *s, const struct kv *request, struct buf *reply)
{
	struct place *place = place_open(&s->policy, kv_get(request, "path"));

	(void)reply;
	if (!place)
		return -1;
	return op_flag(request, "chain") ? chain_walk(place, send_layer, s) : send_image(s, place);
}
