/*
 * clean: removes what interrupted jobs left in a directory or volume group or, without path, in
 * all that the access policy names.
 *	RECORD  kind, path, state, why, status (lib/store/backend.h)
 */
#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"
#include "lib/store/place.h"

struct cleaning {
	struct session *session;
	const char *path; /* as the user named the container, or NULL */
	bool dry_run;
	const struct backend *backend; /* whose containers are cleaned, without a path */
};

static int send_cleaned(void *arg, const struct buf *record)
{
	return op_record(arg, record);
}

static int clean_container(void *arg, struct place *place)
{
	const struct cleaning *c = arg;

	if (!place->backend->clean)
		return err_set(ST_REFUSED, "is a device, not a directory or volume group");
	return place->backend->clean(
		place, c->path ? c->path : place->spelled, c->dry_run, send_cleaned, c->session);
}

/* A container that cannot be cleaned is an item that failed, so that the others are cleaned. */
static int send_failed(const struct cleaning *c, const char *path)
{
	struct buf record = BUF_INIT;
	int r;

	kv_add(&record, "kind", c->backend->kind);
	kv_add(&record, "path", path);
	kv_add(&record, "state", "failed");
	kv_add(&record, "why", err_text());
	kv_add_u64(&record, "status", (uint64_t)err_status());
	err_clear();
	r = buf_failed(&record);
	if (r == 0)
		r = op_record(c->session, &record);
	buf_fini(&record);
	return r;
}

static int clean_each(void *arg, const char *path, struct place *place)
{
	if (place && clean_container(arg, place) == 0)
		return 0;
	return cancel_is_set() ? -1 : send_failed(arg, path);
}

int op_clean(struct session *s, const struct kv *request, struct buf *reply)
{
	struct cleaning c = { .session = s,
		.path = kv_get(request, "path"),
		.dry_run = op_flag(request, "dry_run") };
	const struct backend *b;
	struct place *place;
	size_t i;
	int r = 0;

	(void)reply;
	if (c.path) {
		place = place_open(&s->policy, c.path);
		r = place ? clean_container(&c, place) : -1;
		place_close(place);
		return r;
	}
	for (i = backend_count(); r == 0 && i-- > 0;) { /* files first: LVM can take some time */
		b = backend_at(i);
		c.backend = b;
		if (b->containers)
			r = b->containers(&s->policy, clean_each, &c);
	}
	return r;
}
