/*
 * rename: another name in the same directory or group.
 *	REQUEST op=rename, path, name, allow_links, dry_run	OK  path: the new one
 */
#include <string.h>

#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/store.h"

int op_rename(struct session *s, const struct kv *request, struct buf *reply)
{
	struct store_want want = { .allow_links = op_flag(request, "allow_links"),
		.dry_run = op_flag(request, "dry_run") };
	const char *name = kv_get(request, "name");
	struct place from;
	const char *slash;
	int r;

	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(ST_USAGE, "'%s' is not a name: it stays in its directory", name);
	if (place_open(&from, &s->limits, kv_get(request, "path")) < 0)
		return -1;
	r = from.store->rename(&from, name, &want);
	slash = strrchr(from.path, '/');
	if (r == 0)
		kv_addf(reply, "path", "%.*s%s", slash ? (int)(slash - from.path) + 1 : 0,
			from.path, name);
	place_close(&from);
	return r;
}
