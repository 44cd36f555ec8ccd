/*
 * volume_resize: a volume is marked before it grows, because what its group adds to it holds
 * old data of other volumes until it is zeroed, and before its filesystem is changed.
 *
 *	grow	checks, mark and tag | lvextend, zero, fsync | remove mark and tag
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
#include "lib/format/fs_extent.h"
#include "lib/format/ptable.h"
#include "lib/host/inuse.h"
#include "lib/store/block_size.h"
#include "lib/store/block_zero.h"
#include "lib/store/volume/volume_place.h"
#include "lib/store/volume/volume_set_size.h"
#include "lib/store/volume/volume_target.h"
#include "lib/store/volume/volume_way_back.h"

#define TAG_MAX (sizeof(VOLUME_TAG_RESIZE) + RESIZE_RECORD_MAX + RUN_TEXT_MAX)

struct resize_volume {
	struct resize base;
	struct lvm_volume lv;
	struct volume_name name;
	char path[VOLUME_PATH_MAX];
	char tag[TAG_MAX]; /* that the volume has, or "" */
	struct way_back back;
	bool is_changed; /* what it holds may have been changed */
};

static struct resize_volume *volume_of(struct resize *r)
{
	return (struct resize_volume *)r;
}

static int set_tag(const struct resize_volume *v, const char *tag, bool set)
{
	return volume_set_tag(v->lv.group, v->lv.own_uuid, tag, set);
}

/* Finds out whether an earlier job was interrupted, or is running.  0, or -1 recorded. */
static int look_for_job(struct resize_volume *v)
{
	char *text = lvm_tag(&v->lv, VOLUME_TAG_RESIZE),
	     *mark = lvm_tag(&v->lv, VOLUME_TAG_UNFINISHED);
	struct resize_record c;
	const char *run;
	int r = 0;

	if (text && strlen(text) < RESIZE_RECORD_MAX + RUN_TEXT_MAX)
		snprintf(v->tag, sizeof(v->tag), VOLUME_TAG_RESIZE "%s", text);
	run = text && mark ? resize_record_parse(&c, text) : NULL;
	if (run && *run == ':') {
		if (run_state(run + 1) != RUN_DEAD)
			r = err_set(ST_BUSY, "in use: another job is changing its size");
		v->base.from = c.from;
		v->base.pending = c;
	}
	free(text);
	free(mark);
	return r == 0 && v->base.pending.fs ? way_back_find(&v->back, &v->lv) : r;
}

/*
 * Gives the volume back what it held before a job that was interrupted.  Meanwhile the image is
 * closed, because the volume must not be open.
 */
static int go_back(struct resize_volume *v)
{
	struct image *img = v->base.img;
	int r;

	if (!*v->back.name.name || v->base.want.dry_run)
		return 0;
	if (v->back.is_invalid)
		return way_back_remove(&v->back);
	close(img->fd);
	r = way_back_merge(&v->back);
	img->fd = volume_place_open(&v->lv, O_RDONLY);
	if (r < 0 || img->fd < 0)
		return -1;
	log_note("%s: has the content again that it had before the resize that was interrupted",
		img->place->path);
	v->base.is_restored = true;
	return 0;
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

static int plan_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);
	uint64_t unit = v->lv.extent_size, rest = unit ? r->len % unit : 0;

	if (rest)
		r->len += unit - rest;
	/* An interrupted job may have extended it already. */
	if (r->len > v->lv.size && check_space(v, r->len - v->lv.size) < 0)
		return -1;
	if (r->want.risky && !r->want.in_place &&
		way_back_check(&v->lv, r->len > v->lv.size ? r->len - v->lv.size : 0) < 0)
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
	const struct resize_record now = {
		.from = v->base.from, .to = v->base.len, .fs = v->base.fs
	};
	char run[RUN_TEXT_MAX], record[RESIZE_RECORD_MAX], old[TAG_MAX];

	memcpy(old, v->tag, sizeof(old));
	if (run_self(run) < 0)
		return -1;
	snprintf(v->tag, sizeof(v->tag), VOLUME_TAG_RESIZE "%s:%s",
		resize_record_write(&now, record), run);
	/* The tag of the interrupted job goes last, so that one of the two is always there. */
	if (set_tag(v, v->tag, true) < 0 || set_tag(v, VOLUME_TAG_UNFINISHED, true) < 0)
		return -1;
	return *old && strcmp(old, v->tag) != 0 ? set_tag(v, old, false) : 0;
}

static int unmark_volume(struct resize_volume *v)
{
	if (set_tag(v, VOLUME_TAG_UNFINISHED, false) < 0 || set_tag(v, v->tag, false) < 0)
		return -1;
	v->tag[0] = '\0';
	return 0;
}

/* Not what another has added meanwhile. */
static int give_space_back(struct resize_volume *v)
{
	uint64_t len;

	if (block_size_get(v->base.fd, &len) < 0)
		return -1;
	if (len == v->base.len)
		v->lv.size = len; /* also if LVM failed after it had extended it */
	return v->lv.size > v->base.from ? set_size(v, v->base.from) : 0;
}

/* After a failure: the old size, and no mark.  A mark that cannot be removed stays. */
static void take_back(struct resize_volume *v)
{
	struct err e;

	err_take(&e);
	if (give_space_back(v) < 0 || unmark_volume(v) < 0)
		log_warn("%s: is unfinished now: %s", v->path, err_text());
	err_put(&e);
}

static int zero_new_space(struct resize_volume *v)
{
	struct block_zero z;

	block_zero_init(&z, v->base.fd, v->lv.is_thin);
	if (block_zero_range(&z, v->base.len - v->base.from, v->base.from) < 0)
		return -1;
	return fsync(v->base.fd) < 0 ? err_sys("cannot sync it to disk") : 0;
}

/* From now on the caller changes what it holds. */
static int take_way_back(struct resize_volume *v)
{
	const struct resize_want *w = &v->base.want;

	if (w->risky && !w->in_place && way_back_take(&v->back, v->base.img, &v->lv) < 0)
		return -1;
	v->is_changed = w->risky;
	return 0;
}

static int begin_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);

	if (!r->want.risky || r->len > r->from)
		return 0;
	if (mark_volume(v) == 0 && take_way_back(v) == 0)
		return 0;
	take_back(v);
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
	take_back(v);
	return -1;
}

static int cut_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);

	if (way_back_remove(&v->back) < 0)
		return -1;
	if (set_size(v, r->len) < 0)
		return -1;
	r->len = v->lv.size;
	return 0;
}

static int finish_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);

	if (way_back_remove(&v->back) < 0)
		return -1;
	v->is_changed = false;
	return *v->tag ? unmark_volume(v) : 0;
}

/* Whether nothing that it holds needs the new space. */
static bool ends_before_growth(const struct resize_volume *v)
{
	uint64_t from = v->base.from;
	struct ptable t;
	struct fs_extent e;

	if (ptable_read(&t, v->base.fd, from) < 0 ||
		fs_extent_read(&e, v->base.fd, 0, from, NULL) < 0)
		return false;
	if (t.min_len <= from && e.measured != FS_UNKNOWN && e.bytes <= from)
		return true;
	err_set(ST_CORRUPT, "what it holds is larger than it was");
	return false;
}

/* After the image was closed. */
static void merge_way_back(struct resize_volume *v)
{
	struct err e;

	err_take(&e);
	close(v->base.fd);
	v->base.fd = -1;
	if (way_back_merge(&v->back) == 0)
		v->base.fd = volume_place_open(&v->lv, O_RDWR | O_EXCL);
	if (v->base.fd >= 0 && ends_before_growth(v))
		take_back(v);
	else
		log_warn("%s: is unfinished now: %s", v->path, err_text());
	err_put(&e);
}

static void close_volume(struct resize *r)
{
	struct resize_volume *v = volume_of(r);

	if (v->is_changed && *v->back.name.name)
		merge_way_back(v);
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
	if (look_for_job(v) < 0 || check_kind(v) < 0 || go_back(v) < 0)
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
