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

static int look_at_layer(
	void *arg, struct place *place, struct info_layer *layer, struct buf *record)
{
	(void)arg;
	return info_collect_layer(place, layer, record);
}

static int send_image(struct session *s, struct place *place)
{
	struct info_layer layer = { .format = NULL };
	struct buf record = BUF_INIT;
	int r = info_collect_layer(place, &layer, &record);

	if (r == 0)
		r = op_record(s, &record);
	info_layer_fini(&layer);
	buf_fini(&record);
	return r;
}

int op_info(struct session *s, const struct kv *request, struct buf *reply)
{
	struct place *place = place_open(&s->policy, kv_get(request, "path"));

	(void)reply;
	if (!place)
		return -1;
	if (op_flag(request, "chain"))
		return chain_walk(place, look_at_layer, send_layer, s);
	return send_image(s, place);
}
