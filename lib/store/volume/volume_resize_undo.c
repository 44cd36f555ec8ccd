/*
 * volume_resize_undo: see volume_resize_undo.h.
 */
#include "lib/store/volume/volume_resize_undo.h"

#include <fcntl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/host/inuse.h"
#include "lib/store/block_size.h"
#include "lib/store/volume/volume_new_space.h"
#include "lib/store/volume/volume_place.h"
#include "lib/store/volume/volume_set_size.h"

/* What is open LVM would merge when it is activated again, with what was written until then. */
static int merge_interrupted(struct resize_volume *v)
{
	struct image *img = v->base.img;
	int r = volume_is_open_elsewhere(img->fd, 1, NULL);

	if (r)
		return r < 0 ? -1 : inuse_explain_busy(img->place->path);
	close(img->fd);
	r = way_back_merge(&v->back);
	img->fd = volume_place_open(&v->lv, O_RDONLY);
	if (r < 0 || img->fd < 0)
		return -1;
	log_note("%s: has the content again that it had before the resize that was interrupted",
		img->place->path);
	v->mark.record = v->base.pending;
	v->base.pending.changing = false;
	return volume_resize_mark_changing(&v->mark, &v->lv, false);
}

int volume_resize_go_back(struct resize_volume *v)
{
	const struct resize_want *w = &v->base.want;
	bool can_merge = *v->back.name.name && !v->back.is_invalid;

	if (v->base.pending.changing && !can_merge && !w->in_place)
		return resize_refuse_changing(&v->base);
	if (w->dry_run)
		return 0;
	/* Of what is whole, also with what was written since, nothing is to come back. */
	return can_merge && v->base.pending.changing ? merge_interrupted(v)
						     : way_back_remove(&v->back);
}

/* Not what another has added meanwhile. */
static int give_space_back(struct resize_volume *v)
{
	uint64_t len;

	if (block_size_get(v->base.fd, &len) < 0)
		return -1;
	if (len == v->base.len)
		v->lv.size = len; /* also if LVM failed after it had extended it */
	if (v->lv.size <= v->base.from)
		return 0;
	return volume_set_size(v->base.fd, &v->name, &v->lv.size, v->base.from);
}

/*
 * Whether the volume holds what it held before the first job, and nothing in the space that it has
 * got.  An interrupted job, or a guest since then, may have changed that; and a way back that
 * was merged is as old as the job that took it, which need not be the first.
 */
static bool can_be_taken_back(const struct resize_volume *v)
{
	const struct resize_record *p = &v->base.pending;

	if (!p->to)
		return true;
	if (p->changing)
		return false;
	return !v->was_extended || (!v->base.want.in_use && volume_new_space_check_unused(
								    v->base.fd, v->base.from) == 0);
}

/* One that was taken when LVM then failed to tell of it; nothing was changed since. */
static int drop_way_back(struct resize_volume *v)
{
	char run[RUN_TEXT_MAX];

	if (*v->back.name.name && !*v->back.uuid &&
		(run_self(run) < 0 || way_back_find(&v->back, &v->lv, run) < 0))
		return -1;
	return way_back_remove(&v->back);
}

void volume_resize_take_back(struct resize_volume *v)
{
	struct err e;

	err_take(&e);
	v->base.stays_unfinished = false; /* or this tells it */
	if (!can_be_taken_back(v))
		log_warn("warning: %s: is still unfinished", v->path);
	else if (drop_way_back(v) < 0 || give_space_back(v) < 0 ||
		 volume_resize_mark_remove(&v->mark, &v->lv) < 0)
		log_warn("warning: %s: is unfinished now: %s", v->path, err_text());
	err_put(&e);
}

void volume_resize_merge_back(struct resize_volume *v)
{
	struct err e;

	err_take(&e);
	close(v->base.fd);
	v->base.fd = -1;
	if (way_back_merge(&v->back) == 0 &&
		volume_resize_mark_changing(&v->mark, &v->lv, false) == 0)
		v->base.fd = volume_place_open(&v->lv, O_RDWR | O_EXCL);
	if (v->base.fd >= 0 && volume_new_space_check_unused(v->base.fd, v->base.from) == 0)
		volume_resize_take_back(v);
	else
		log_warn("warning: %s: is unfinished now: %s", v->path, err_text());
	err_put(&e);
}
