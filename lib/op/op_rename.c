/*
 * rename: renames an image within its directory or group.
 *	OK  path, the new one
 */
#include "lib/base/err.h"
#include "lib/base/pathname.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"
#include "lib/store/place.h"

int op_rename(struct session *s, const struct kv *request, struct buf *reply)
{
	const struct change_want want = { .allow_links = op_flag(request, "allow_links"),
		.dry_run = op_flag(request, "dry_run") };
	const char *name = kv_get(request, "name");
	struct place *from;
	int r;

	if (!pathname_is_name(name))
		return err_set(ST_USAGE, "'%s' is not a name", name);
	from = place_open(&s->policy, kv_get(request, "path"));
	if (!from)
		return -1;
	r = from->backend->rename(from, name, &want);
	if (r == 0)
		kv_addf(reply, "path", "%.*s%s", (int)(from->name - from->path), from->path, name);
	place_close(from);
	return r;
}
