/*
 * commit_delete: from the top down, so that each layer is needed by none when it goes.
 */
#include "lib/op/commit_delete.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/format/content.h"
#include "lib/store/backend.h"
#include "lib/store/recorded.h"

/* Whether the image is a layer that stands on what is at `below`.  0, or -1 recorded. */
static int check_stands_on(struct image *img, const struct place *below)
{
	const struct content *c = image_content(img);
	char id[IDENTITY_MAX] = "";
	int is;

	if (!c)
		return -1;
	if (below->backend->identify(below, id) < 0)
		id[0] = '\0';
	is = strcmp(c->format, "qcow2") == 0 && !c->is_archive && *c->qcow2.backing;
	if (is)
		is = recorded_leads_to(
			below->policy, img->place->spelled, c->qcow2.backing, id, below->path);
	return is > 0	? 0
	       : is < 0 ? -1
			: err_set(ST_REFUSED,
				  "does not stand on '%s' any more, so it is not deleted",
				  below->path);
}

static int delete_layer(
	const char *path, const struct place *below, bool allow_links, struct buf *reply)
{
	const struct change_want want = { .allow_links = allow_links };
	struct place *p = place_open(below->policy, path);
	struct image *img = p ? image_open(p) : NULL;
	char id[IDENTITY_MAX], now[IDENTITY_MAX];
	int r;

	if (!img && err_status() == ST_ABSENT) {
		err_clear();
		return 0;
	}
	r = img ? check_stands_on(img, below) : -1;
	if (r == 0)
		r = img->place->backend->identify(img->place, id);
	image_close(img);
	p = r == 0 ? place_open(below->policy, path) : NULL;
	r = p ? p->backend->identify(p, now) : -1;
	if (r == 0 && strcmp(now, id) != 0) /* the path may lead elsewhere by now */
		r = place_was_replaced();
	if (r == 0)
		r = p->backend->remove(p, &want);
	place_close(p);
	if (r == 0)
		kv_add(reply, "deleted", path);
	return r;
}

int commit_delete_layers(const struct commit_record *r, const struct place *base, const char *keep,
	bool allow_links, struct buf *reply)
{
	struct place *below;
	unsigned i;
	int ret = 0;

	for (i = 0; ret == 0 && i < r->count; i++) {
		if (keep && strcmp(r->layer[i], keep) == 0)
			continue;
		below = place_open(base->policy, i + 1 < r->count ? r->layer[i + 1] : base->path);
		ret = below ? delete_layer(r->layer[i], below, allow_links, reply) : -1;
		place_close(below);
		if (ret < 0)
			err_wrap("layer '%s'", r->layer[i]);
	}
	return ret;
}
