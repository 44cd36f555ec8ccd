/*
 * resize: see resize.h.
 */
#include "lib/store/resize.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/backend.h"

void *resize_new(size_t size, const struct resize_ops *ops, struct image *img,
	const struct resize_want *want)
{
	struct resize *r = calloc(1, size);

	if (!r) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	r->ops = ops;
	r->img = img;
	r->want = *want;
	r->fd = -1;
	r->from = img->len;
	return r;
}

struct resize *resize_open(struct image *img, const struct resize_want *want)
{
	const struct backend *b = img->place->backend;

	if (b->resize)
		return b->resize(img, want);
	err_set(ST_REFUSED, "is a %s, whose size cannot be changed", b->kind);
	return NULL;
}

int resize_plan(struct resize *r, uint64_t len)
{
	r->len = len;
	return r->ops->plan(r);
}

int resize_grow(struct resize *r)
{
	return r->ops->grow(r);
}

int resize_cut(struct resize *r)
{
	return r->ops->cut(r);
}

int resize_finish(struct resize *r)
{
	return r->ops->finish ? r->ops->finish(r) : 0;
}

void resize_close(struct resize *r)
{
	if (!r)
		return;
	if (r->ops->close)
		r->ops->close(r);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}
