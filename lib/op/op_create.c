/*
 * create: creates an image that reads as zeros.
 *	OK  path; size in bytes, which may be rounded up; of a qcow2 image also physical, the bytes
 *	    of its file or volume, and of its backing file backing.path, backing.recorded and
 *	    backing.format
 */
#include <string.h>

#include "lib/base/err.h"
#include "lib/op/create_qcow2.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"
#include "lib/store/target.h"

/* Takes over place. */
static int create_raw(struct place *place, const struct target_want *want, struct buf *reply)
{
	bool rounds_size = place->backend->rounds_size;
	struct target *t = target_make(place, want);
	uint64_t size;

	if (!t)
		return -1;
	kv_add(reply, "path", target_path(t));
	size = rounds_size ? target_space(t) : want->len;
	kv_add_u64(reply, "size", size);
	if (want->dry_run) {
		target_abort(t);
		return 0;
	}
	if (target_zero(t, size, 0) < 0) {
		target_abort(t);
		return -1;
	}
	return target_commit(t);
}

static int refuse_options(const struct kv *request, const struct backend *b, bool is_qcow2)
{
	bool has_volume_size = kv_get(request, "volume_size");
	const char *format = kv_get(request, "format");

	if (format && !is_qcow2 && strcmp(format, "raw") != 0)
		return err_set(ST_USAGE, "cannot create an image of format '%s'", format);
	if (kv_get(request, "thin") && !b->can_thin)
		return err_set(ST_USAGE, "--thin is for volumes");
	if (has_volume_size && !b->rounds_size)
		return err_set(ST_USAGE, "--volume-size is for volumes");
	if (!is_qcow2 && (has_volume_size || kv_get(request, "backing")))
		return err_set(ST_USAGE, "--%s needs --format qcow2",
			has_volume_size ? "volume-size" : "backing");
	return 0;
}

int op_create(struct session *s, const struct kv *request, struct buf *reply)
{
	const char *path = kv_get(request, "path"), *format = kv_get(request, "format");
	struct target_want want = { .len = op_u64(request, "size", 0),
		.sparse = op_flag(request, "sparse"),
		.pool = kv_get(request, "thin"),
		.dry_run = op_flag(request, "dry_run"),
		.fsync = !op_flag(request, "no_fsync") };
	bool is_qcow2 = format && strcmp(format, "qcow2") == 0;
	struct place *place;

	if (path[strlen(path) - 1] == '/')
		return err_set(ST_REFUSED, "is the name of a directory, not of an image");
	place = place_open(&s->policy, path);
	if (!place)
		return -1;
	if (refuse_options(request, place->backend, is_qcow2) < 0) {
		place_close(place);
		return -1;
	}
	return is_qcow2 ? create_qcow2(place, &want, request, reply)
			: create_raw(place, &want, reply);
}
