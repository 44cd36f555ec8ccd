/*
 * rename: another name in the same directory or group.
 *	REQUEST op=rename, path, name, allow_links, dry_run	OK  path: the new one
 */
#include <string.h>

#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"
#include "lib/store/place.h"

int op_rename(struct session *s, const struct kv *request, struct buf *reply)
{
	int links = op_flag(request, "allow_links"), dry = op_flag(request, "dry_run");
	const char *path = op_need(request, "path"), *name = kv_get(request, "name");
	struct change_want want;
	struct place *from;
	int r;

	if (!path || links < 0 || dry < 0)
		return -1;
	if (!name)
		return err_set(ST_PEER, "protocol error: rename without a name");
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(ST_USAGE, "'%s' is not a name: it stays in its directory", name);
	from = place_open(&s->policy, path);
	if (!from)
		return -1;
	want.allow_links = links;
	want.dry_run = dry;
	r = from->backend->rename(from, name, &want);
	if (r == 0)
		kv_addf(reply, "path", "%.*s%s", (int)(from->name - from->path), from->path, name);
	place_close(from);
	return r;
}
