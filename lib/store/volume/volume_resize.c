/*
 * volume_resize: a volume is marked before it grows, because what its group adds to it holds
 * old data of other volumes until it is zeroed, and before its filesystem is changed.
 *
 *	grow	checks, mark and tag | lvextend, zero, fsync, tag | remove mark and tag
 *	cut	checks | lvreduce
 *	grow, unzeroed	checks | lvextend
 *
 * If what it holds is changed (want.risky), a snapshot is the way back.  LVM can neither extend
 * nor cut a volume that has one, so that it is taken after lvextend, and removed before
 * lvreduce, when the caller has checked the result.
 *
 * A job that fails merges the snapshot, and gives the space back.  One that is killed leaves
 * mark, tag and snapshot, by which the same command completes it: it merges the
 * snapshot, zeroes everything from the old size on, and begins again.
 *
 * The space is zeroed before anything may use it, and not again: the tag says so from then on.
 * Without that in the tag, a guest may have been started since, which has used it, so that it is
 * looked for first.  Space that may be in use is not given back, either.
 */
#include "lib/store/volume/volume_resize.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/host/inuse.h"
#include "lib/lvm/stripes.h"
#include "lib/store/block_size.h"
#include "lib/store/volume/volume_new_space.h"
#include "lib/store/volume/volume_place.h"
#include "lib/store/volume/volume_resize_mark.h"
#include "lib/store/volume/volume_resize_undo.h"
#include "lib/store/volume/volume_set_size.h"
#include "lib/store/volume/volume_target.h"
#include "lib/store/volume/volume_way_back.h"

static struct resize_volume *volume_of(struct resize *r)
{
	return (struct resize_volume *)r;
}

/* Finds out whether an earlier job was interrupted, or is running.  0, or -1 recorded. */
static int look_for_job(struct resize_volume *v)
{
	struct resize_record *pending = &v->base.pending;
	int r = volume_resize_mark_find(&v->mark, &v->lv, pending);

	if (pending->to)
		v->base.from = pending->from;
	v->was_extended = v->base.img->len > v->base.from;
	return r == 0 && pending->fs ? way_back_find(&v->back, &v->lv, v->mark.run) : r;
}

static int open_device(struct resize_volume *v)
{
	const struct resize_want *w = &v->base.want;
	uint64_t now;
	int elsewhere;

	v->base.fd = volume_place_open(&v->lv, w->dry_run  ? O_RDONLY
					       : w->in_use ? O_RDWR
							   : O_RDWR | O_EXCL);
	if (v->base.fd < 0 || block_size_get(v->base.fd, &now) < 0)
		return -1;
	if (now != v->base.img->len || now != v->lv.size)
		return err_set(ST_BUSY, "its size was changed meanwhile");
	if (w->in_use)
		return 0;
	elsewhere = volume_is_open_elsewhere(v->base.fd, 2, NULL); /* the image has it open, too */
	return elsewhere > 0 ? inuse_explain_busy(v->base.img->place->path) : elsewhere;
}

static int check_kind(const struct resize_volume *r)
{
	const struct lvm_volume *v = &r->lv;

	if (volume_check_changeable(v) < 0 || volume_target_check_job(v) < 0)
		return -1;
	if (v->is_snapshot)
		return err_set(ST_REFUSED, "is a snapshot, which has the size of its origin");
	if (v->is_origin && !*r->back.name.name)
		return err_set(ST_REFUSED, "has snapshots, so LVM cannot change its size");
	return 0;
}

static int check_space(const struct resize_volume *v, uint64_t by)
{
	char need[SIZE_HUMAN], have[SIZE_HUMAN];

	if (v->lv.is_thin || by <= v->lv.group_free)
		return 0;
	return err_set(ST_NOROOM, "needs %s more, and group '%s' has %s free", size_human(by, need),
		v->lv.group, size_human(v->lv.group_free, have));
}

static int look_at_pool(const struct resize_volume *v)
{
	struct lvm_volume pool;

	if (lvm_volume(&pool, v->lv.group, v->lv.pool) < 0)
		return -1;
	volume_target_warn_of_pool(v->base.img->place->path, v->base.len, &pool);
	lvm_volume_fini(&pool);
	return 0;
}

/* Whether a job was interrupted after it had extended the volume, and before it was zeroed. */
static bool is_unzeroed(const struct resize_volume *v)
{
	const struct resize_record *p = &v->base.pending;

	return p->to && !p->zeroed && !v->base.want.unzeroed && v->was_extended;
}

static int check_unzeroed(const struct resize_volume *v)
{
	if (!is_unzeroed(v) || v->base.want.is_unused)
		return 0;
	if (v->base.want.in_use)
		return err_set(ST_BUSY,
			"in use, and its new space is not zeroed yet: its user may have begun to "
			"use that, and has to be stopped");
	if (volume_new_space_check_unused(v->base.fd, v->base.from) == 0)
		return 0;
	return err_wrap("its new space is not zeroed yet, and may be in use already (to keep it as "
			"it is: lvchange --deltag " VOLUME_TAG_UNFINISHED " %s)",
		v->path);
}

static int plan_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);
	bool shrinks;
	uint64_t unit;

	if (check_unzeroed(v) < 0 || stripes_unit(&v->lv, &unit) < 0)
		return -1;
	/* LVM rounds what it changes, so the size of one that has several kinds of segments can be
	 * odd. */
	if (unit && r->len % unit && r->len != r->from && r->len != v->lv.size) {
		shrinks = r->len < r->from;
		r->len += unit - r->len % unit;
		if (shrinks && r->len > r->from)
			r->len = r->from;
	}
	/* An interrupted job may have extended it already. */
	if (r->len > v->lv.size && check_space(v, r->len - v->lv.size) < 0)
		return -1;
	if (r->want.risky && !r->want.in_place &&
		way_back_check(&v->lv, r->len > v->lv.size ? r->len - v->lv.size : 0) < 0)
		return -1;
	/* A volume that has a snapshot, as an interrupted job leaves one, cannot be cut yet. */
	if (r->len < v->lv.size && !*v->back.name.name &&
		volume_set_size_check_cut(&v->name, r->len) < 0)
		return -1;
	return r->len > r->from && v->lv.is_thin ? look_at_pool(v) : 0;
}

/* Unless another has changed it meanwhile. */
static int set_size(struct resize_volume *v, uint64_t len)
{
	if (v->lv.size == len)
		return 0; /* an interrupted job has done it */
	return volume_set_size(v->base.fd, &v->name, &v->lv.size, len);
}

static int mark_volume(struct resize_volume *v)
{
	v->mark.record = (struct resize_record){ .from = v->base.from,
		.to = v->base.len,
		.fs = v->base.fs,
		.zeroed = v->base.pending.zeroed,
		.changing = v->base.pending.changing };
	if (volume_resize_mark_set(&v->mark, &v->lv) < 0)
		return -1;
	v->base.stays_unfinished = true;
	return 0;
}

/* Once: what has used it since then would be lost. */
static int zero_new_space(struct resize_volume *v)
{
	if (v->mark.record.zeroed)
		return 0;
	if (volume_new_space_zero(v->base.fd, v->lv.is_thin, v->base.from, v->base.len) < 0)
		return -1;
	v->mark.record.zeroed = true;
	return volume_resize_mark_write(&v->mark, &v->lv);
}

/* From now on the caller changes what it holds. */
static int take_way_back(struct resize_volume *v)
{
	const struct resize_want *w = &v->base.want;

	if (!w->risky)
		return 0;
	if (!w->in_place && way_back_take(&v->back, v->base.img, &v->lv) < 0)
		return -1;
	if (volume_resize_mark_changing(&v->mark, &v->lv, true) < 0)
		return -1;
	v->is_changed = true;
	v->base.stays_unfinished = w->in_place;
	return 0;
}

/* What it holds is whole again, and stays.  The tag says so before there is no way back. */
static int give_way_back_up(struct resize_volume *v)
{
	if (!*v->back.name.name)
		return 0;
	if (volume_resize_mark_changing(&v->mark, &v->lv, false) < 0 ||
		way_back_remove(&v->back) < 0)
		return -1;
	v->base.stays_unfinished = true;
	return 0;
}

static int begin_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);

	if (!r->want.risky || r->len > r->from)
		return 0;
	if (mark_volume(v) == 0 && take_way_back(v) == 0)
		return 0;
	volume_resize_take_back(v);
	return -1;
}

static int extend_volume(struct resize_volume *v)
{
	if (v->lv.size < v->base.len && set_size(v, v->base.len) < 0)
		return -1;
	v->base.len = v->lv.size;
	return 0;
}

static int grow_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);

	/* Nothing is to be hidden until it is zeroed, so a job that is killed needs no mark. */
	if (r->want.unzeroed)
		return extend_volume(v);
	if (mark_volume(v) == 0 && extend_volume(v) == 0 && zero_new_space(v) == 0 &&
		take_way_back(v) == 0)
		return 0;
	volume_resize_take_back(v);
	return -1;
}

static int cut_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);

	if (give_way_back_up(v) < 0)
		return -1;
	if (set_size(v, r->len) < 0)
		return -1;
	r->len = v->lv.size;
	return 0;
}

static int finish_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);

	if (give_way_back_up(v) < 0)
		return -1;
	v->is_changed = false;
	if (volume_resize_mark_remove(&v->mark, &v->lv) < 0)
		return -1;
	v->base.stays_unfinished = false;
	return 0;
}

static void close_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);

	if (v->is_changed && *v->back.name.name)
		volume_resize_merge_back(v);
	lvm_volume_fini(&v->lv);
}

static const struct resize_ops ops = {
	.plan = plan_volume,
	.begin = begin_volume,
	.grow = grow_volume,
	.cut = cut_volume,
	.finish = finish_volume,
	.close = close_volume,
};

static int open_volume(struct resize_volume *v)
{
	if (volume_place_look(v->base.img->place, &v->lv) < 0)
		return -1;
	v->name = volume_name_of(&v->lv);
	volume_path(&v->name, v->path);
	if (look_for_job(v) < 0 || check_kind(v) < 0 || volume_resize_go_back(v) < 0)
		return -1;
	return open_device(v);
}

struct resize *volume_resize_open(struct image *img, const struct resize_want *want)
{
	struct resize_volume *v = resize_new(sizeof(*v), &ops, img, want);

	if (v && open_volume(v) < 0) {
		resize_close(&v->base);
		return NULL;
	}
	return v ? &v->base : NULL;
}
