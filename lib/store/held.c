/*
 * held: see held.h.
 */
#include "lib/store/held.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/backend.h"

/* The place by its path, which has no links, since img goes before. */
void *held_new(size_t size, const struct held_ops *ops, const struct image *img)
{
	struct held *h = calloc(1, size);

	if (!h) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	h->ops = ops;
	h->fd = -1;
	h->place = place_open(img->place->policy, img->place->path);
	if (h->place && h->place->backend == img->place->backend)
		return h;
	if (h->place)
		place_was_replaced();
	held_close(h);
	return NULL;
}

static int refuse_kind(const struct image *img)
{
	return err_set(ST_REFUSED, "is a %s, which is not changed in place", img->kind);
}

struct held *held_open(struct image *img, const struct held_want *want)
{
	const struct backend *b = img->place->backend;

	if (b->hold)
		return b->hold(img, want);
	refuse_kind(img);
	return NULL;
}

int held_check(struct image *img, const struct held_want *want)
{
	const struct backend *b = img->place->backend;

	return b->check_hold ? b->check_hold(img, want) : refuse_kind(img);
}

int held_mark(struct held *h, const char *record)
{
	return h->ops->mark(h, record);
}

int held_sync(const struct held *h)
{
	return fsync(h->fd) < 0 ? err_sys("cannot sync it to disk") : 0;
}

int held_unmark(struct held *h)
{
	return h->ops->unmark(h);
}

void held_close(struct held *h)
{
	if (!h)
		return;
	if (h->ops->close)
		h->ops->close(h);
	if (h->fd >= 0)
		close(h->fd);
	place_close(h->place);
	free(h);
}
