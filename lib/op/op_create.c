/*
 * create: creates an image that reads as zeros.
 *	OK  path; size in bytes, which may be rounded up
 */
#include <string.h>

#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"
#include "lib/store/target.h"

int op_create(struct session *s, const struct kv *request, struct buf *reply)
{
	const char *path = kv_get(request, "path");
	struct target_want want = { .len = op_u64(request, "size", 0),
		.sparse = op_flag(request, "sparse"),
		.pool = kv_get(request, "thin"),
		.dry_run = op_flag(request, "dry_run"),
		.fsync = !op_flag(request, "no_fsync") };
	struct target *t;
	const struct backend *backend;
	struct place *place;
	uint64_t size;

	if (path[strlen(path) - 1] == '/')
		return err_set(ST_REFUSED, "is the name of a directory, not of an image");
	place = place_open(&s->policy, path);
	if (!place)
		return -1;
	backend = place->backend;
	if (want.pool && !backend->can_thin) {
		place_close(place);
		return err_set(ST_USAGE, "--thin is for volumes");
	}
	t = target_make(place, &want);
	if (!t)
		return -1;
	kv_add(reply, "path", target_path(t));
	size = backend->rounds_size ? target_space(t) : want.len;
	kv_add_u64(reply, "size", size);
	if (want.dry_run) {
		target_abort(t);
		return 0;
	}
	if (target_zero(t, size, 0) < 0) {
		target_abort(t);
		return -1;
	}
	return target_commit(t);
}
