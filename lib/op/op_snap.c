/*
 * snap: takes snapshots that are kept, all together.
 *	RECORD  failed=N, if an error that follows concerns the Nth path only; the first is 0
 *	OK      path of each snapshot, in the order of the request; apart_us: at most so many
 *	        microseconds are between the first and the last; paused_us: so long was the
 *	        guest paused, if it was
 *
 * op_snapshots.c takes snapshots for the next requests.
 */
#include "lib/op/op.h"
#include "lib/op/snapping.h"

#include "lib/base/err.h"

static int snap_add(struct snapping *g, struct session *s, const char *path)
{
	struct place *place = place_open(&s->policy, path);
	struct image *img = place ? image_open(place) : NULL;

	if (img && image_refuse_unfinished(img) == 0)
		return snapping_add(g, path, img);
	image_close(img);
	g->failed = g->count;
	return -1;
}

static int snap_all(
	struct snapping *g, struct session *s, const struct kv *request, struct buf *reply)
{
	const char *path;
	size_t i, at = 0;

	while ((path = kv_each(request, "path", &at))) {
		if (g->count && g->want.name)
			return err_set(ST_USAGE, "several snapshots cannot have one name");
		if (snap_add(g, s, path) < 0)
			return -1;
	}
	if (snapping_pauses(g, s, kv_get(request, "qmp"), kv_get(request, "libvirt")) < 0 ||
		snapping_take(g, s, kv_get(request, "pre"), kv_get(request, "post")) < 0)
		return -1;
	for (i = 0; i < g->count; i++)
		kv_add(reply, "path", g->member[i].snapshot->path);
	kv_add_u64(reply, "apart_us", g->apart_us);
	if (g->guest.has_paused)
		kv_add_u64(reply, "paused_us", g->guest.paused_us);
	return buf_failed(reply) < 0 ? -1 : snapping_publish(g);
}

int op_snap(struct session *s, const struct kv *request, struct buf *reply)
{
	struct snapping g;
	int r;

	if (snapping_init(&g, s, op_u64(request, "size", 0), true, op_flag(request, "dry_run")) < 0)
		return -1;
	g.want.name = kv_get(request, "name");
	r = snap_all(&g, s, request, reply);
	if (r < 0)
		snapping_report_failed(&g, s);
	snapping_close(&g);
	return r;
}
