/*
 * list: lists an image, or a container; without path, the containers that the access policy
 * names, or else the current directory.
 *	RECORD  for the image or each entry: lib/store/info.h, and `container`, the path that
 *	        was asked for.  An entry that cannot be opened has name, path and what else is
 *	        known, and the reason in `error` and `status`; likewise a container that the
 *	        policy names
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"
#include "lib/store/info.h"
#include "lib/store/place.h"

struct listing {
	struct session *session;
	const char *path;	       /* of the container, as the user named it */
	const struct backend *backend; /* whose containers are listed, without a path */
	bool recursive;
};

static int send_entry(void *arg, const struct buf *record)
{
	const struct listing *l = arg;
	struct buf b = BUF_INIT;
	int r;

	kv_add(&b, "container", l->path);
	buf_add(&b, record->data, record->len);
	r = op_record(l->session, &b);
	buf_fini(&b);
	return r;
}

static int list_place(struct listing *l, struct place *place)
{
	return place->backend->list(place, l->recursive, send_entry, l);
}

/* An entry of which only this and the recorded error is known. */
static int send_failed(struct listing *l, const char *path, const char *kind)
{
	struct buf record = BUF_INIT;
	struct err e;
	int r;

	err_take(&e);
	kv_add(&record, "path", path);
	kv_add(&record, "name", strrchr(path, '/') + 1);
	kv_add(&record, "kind", kind);
	kv_add(&record, "error", e.text);
	kv_add_u64(&record, "status", (uint64_t)e.status);
	r = send_entry(l, &record);
	buf_fini(&record);
	return r;
}

/* One that is not a container; if it is damaged, as in a listing.  Takes the place over. */
static int list_image(struct listing *l, struct place *place)
{
	const char *kind = place->backend->kind;
	char *path = strdup(place->path);
	struct buf record = BUF_INIT;
	int r = info_collect(place, NULL, &record);

	if (r == 0)
		r = send_entry(l, &record);
	else if (path && err_status() == ST_CORRUPT)
		r = send_failed(l, path, kind);
	buf_fini(&record);
	free(path);
	return r;
}

static int list_path(struct listing *l)
{
	struct place *place = place_open(&l->session->policy, l->path);
	int r;

	if (!place)
		return -1;
	if (!place->is_container)
		return list_image(l, place);
	r = list_place(l, place);
	place_close(place);
	return r;
}

/* A container that cannot be listed is an entry, so that the others are listed. */
static int list_container(void *arg, const char *path, struct place *place)
{
	struct listing *l = arg;

	l->path = path;
	if (place && list_place(l, place) == 0)
		return 0;
	/* Without the client, nobody is there to tell. */
	if (cancel_is_set() || err_status() == ST_PEER)
		return -1;
	return send_failed(l, path, l->backend == &backend_file ? "directory" : "group");
}

int op_list(struct session *s, const struct kv *request, struct buf *reply)
{
	struct listing l = { .session = s,
		.path = kv_get(request, "path"),
		.recursive = op_flag(request, "recursive") };
	const struct backend *b;
	size_t i;

	(void)reply;
	if (!l.path && !policy_roots(&s->policy)->limited)
		l.path = ".";
	if (l.path)
		return list_path(&l);
	for (i = backend_count(); i-- > 0;) { /* files first: LVM can take some time */
		b = backend_at(i);
		l.backend = b;
		if (b->containers && b->containers(&s->policy, list_container, &l) < 0)
			return -1;
	}
	return 0;
}
