/*
 * delete: removes an image.
 *	OK  path; or, with force, absent=1: it did not exist
 */
#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"
#include "lib/store/place.h"

int op_delete(struct session *s, const struct kv *request, struct buf *reply)
{
	const struct change_want want = { .allow_links = op_flag(request, "allow_links"),
		.dry_run = op_flag(request, "dry_run") };
	struct place *place = place_open(&s->policy, kv_get(request, "path"));
	bool force = op_flag(request, "force");
	int r = place ? place->backend->remove(place, &want) : -1;

	if (r == 0)
		kv_add(reply, "path", place->path);
	place_close(place);
	if (r < 0 && force && err_status() == ST_ABSENT) {
		err_clear();
		kv_add_bool(reply, "absent", true);
		r = 0;
	}
	return r;
}
