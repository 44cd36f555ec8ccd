/*
 * snapshots: takes snapshots of several images together, which the following requests of this
 * session read (their key `taken`).  What they have not read is removed when the session ends,
 * however that happens.
 *	RECORD  failed=N, if an error that follows concerns the Nth path only; the first is 0
 *	OK      apart_us, paused_us as of `snap` (op_snap.c)
 */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/op/reading.h"
#include "lib/op/snapping.h"

static int snapshots_add(struct snapping *g, struct session *s, const char *path, bool as_is)
{
	struct place *place = place_open(&s->policy, path);
	struct image *img = place ? image_open(place) : NULL;

	if (img && reading_refuse_unfinished(img, as_is) == 0)
		return snapping_add(g, path, img);
	image_close(img);
	g->failed = g->count;
	return -1;
}

static int snapshots_all(struct snapping *g, struct session *s, const struct kv *request)
{
	const char *path;
	size_t at = 0;

	while ((path = kv_each(request, "path", &at)))
		if (snapshots_add(g, s, path, op_flag(request, "as_is")) < 0)
			return -1;
	if (snapping_pauses(g, s, kv_get(request, "qmp"), kv_get(request, "libvirt")) < 0)
		return -1;
	return snapping_take(g, s, kv_get(request, "pre"), kv_get(request, "post"));
}

int op_snapshots(struct session *s, const struct kv *request, struct buf *reply)
{
	struct snapping *g = malloc(sizeof(*g));

	if (!g)
		return err_set(ST_FAILED, "out of memory");
	snapping_free(s->taken); /* a client has one set at a time */
	s->taken = NULL;
	if (snapping_init(g, s, op_u64(request, "size", 0), false, op_flag(request, "dry_run")) <
			0 ||
		snapshots_all(g, s, request) < 0) {
		snapping_report_failed(g, s);
		snapping_free(g);
		return -1;
	}
	kv_add_u64(reply, "apart_us", g->apart_us);
	if (g->guest.has_paused)
		kv_add_u64(reply, "paused_us", g->guest.paused_us);
	if (g->want.dry_run)
		snapping_free(g);
	else
		s->taken = g;
	return 0;
}
