/*
 * info: describes an image or container; with chain the layers of an image, too.
 *	RECORD  lib/store/info.h; with chain one for each layer, as in lib/store/chain.h
 */

#include "lib/base/err.h"
#include "lib/host/domstats.h"
#include "lib/host/qmp_block.h"
#include "lib/op/op.h"
#include "lib/store/chain.h"
#include "lib/store/info.h"

/* What looking at each layer needs. */
struct info_chain {
	struct session *s;
	const struct live *live; /* what QEMU says of its disks; NULL: it was not asked */
};

static int send_layer(void *arg, const struct buf *record)
{
	const struct info_chain *c = arg;

	return op_record(c->s, record);
}

static int look_at_layer(
	void *arg, struct place *place, struct info_layer *layer, struct buf *record)
{
	const struct info_chain *c = arg;

	layer->live = c->live;
	return info_collect_layer(place, layer, record);
}

static int send_chain(struct session *s, struct place *place, const struct live *live)
{
	struct info_chain c = { .s = s, .live = live };

	return chain_walk(place, look_at_layer, send_layer, &c);
}

static int send_image(struct session *s, struct place *place, const struct live *live)
{
	struct info_layer layer = { .format = NULL, .live = live };
	struct buf record = BUF_INIT;
	int r = info_collect_layer(place, &layer, &record);

	if (r == 0)
		r = op_record(s, &record);
	info_layer_fini(&layer);
	buf_fini(&record);
	return r;
}

/* What QEMU says of its disks.  0, or -1 recorded. */
static int info_ask_qmp(struct session *s, const char *path, const char *socket, struct live *out)
{
	struct qmp *q = qmp_open(&s->policy, socket, policy_owner_of(&s->policy, path));
	int r = q ? qmp_block_list(q, &s->policy, out) : -1;

	qmp_close(q);
	return r < 0 ? err_wrap("QMP socket '%s'", socket) : 0;
}

/* *out: what is known of the disks that are open in QEMU; NULL: that is not asked for. */
static int info_ask(
	struct session *s, const struct kv *request, struct live *live, const struct live **out)
{
	const char *qmp = kv_get(request, "qmp"), *domain = kv_get(request, "libvirt");

	*out = qmp || domain ? live : NULL;
	if (qmp && domain)
		return err_set(ST_USAGE, "qmp and libvirt exclude each other");
	if (qmp)
		return info_ask_qmp(s, kv_get(request, "path"), qmp, live);
	if (domain && domstats_list(domain, &s->policy, live) < 0)
		return err_wrap("guest '%s'", domain);
	return 0;
}

int op_info(struct session *s, const struct kv *request, struct buf *reply)
{
	struct place *place = place_open(&s->policy, kv_get(request, "path"));
	struct live live = LIVE_INIT;
	const struct live *known;
	int r;

	(void)reply;
	if (!place)
		return -1;
	if (info_ask(s, request, &live, &known) < 0) {
		place_close(place);
		live_fini(&live);
		return -1;
	}
	r = op_flag(request, "chain") ? send_chain(s, place, known) : send_image(s, place, known);
	live_fini(&live);
	return r;
}
