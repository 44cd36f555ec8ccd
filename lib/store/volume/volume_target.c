/*
 * volume_target: a logical volume that is made, or filled in place.
 *
 *	new:      checks, lvcreate with our job's tag | writes | zero the rest,
 *	          fsync, remove the tag
 *	in place: checks, open exclusively, mark by a tag | the same
 *
 * A new one that is given up is removed; one that was written in place keeps
 * the mark.  Whoever only looks at the tags sees both as unfinished.
 */
#include "lib/store/volume/volume_target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/run.h"
#include "lib/base/size.h"
#include "lib/host/inuse.h"
#include "lib/store/block_zero.h"
#include "lib/store/target_ops.h"
#include "lib/store/volume/volume_place.h"
#include "lib/store/volume/volume_snapshot.h"

struct target_volume {
	struct target base;
	const struct volume_name *name; /* base.place's */
	bool is_made;			/* lvcreate was called */
	bool marked;			/* it carries the mark, and this job has set it */
	char uuid[40];			/* LVM's, once it is open */
	struct block_zero zero;
};

static struct target_volume *volume_of(struct target *base)
{
	return (struct target_volume *)base;
}

/* Opens what is to be written exclusively, and finds its size. */
static int open_volume(struct target_volume *t, const struct lvm_volume *v)
{
	int other, fd = t->base.fd = volume_place_open(v, O_RDWR | O_EXCL);

	if (fd < 0)
		return -1;
	other = volume_is_open_elsewhere(fd, 1);
	if (other)
		return other < 0 ? -1 : inuse_explain_open(fd);
	if (ioctl(fd, BLKGETSIZE64, &t->base.space) < 0)
		return err_sys("cannot get the volume's size");
	memcpy(t->uuid, v->own_uuid, sizeof(t->uuid));
	block_zero_init(&t->zero, fd, v->is_thin);
	return 0;
}

static int check_pool(const char *group, const char *pool)
{
	struct lvm_volume v;
	int r = 0;

	if (!lvm_name_is_valid(pool))
		return err_set(ST_REFUSED, "'%s' is not a valid name for a pool", pool);
	if (lvm_volume(&v, group, pool) < 0)
		return err_wrap("pool '%s'", pool);
	if (!v.is_pool || strncmp(v.layout, "thin", 4) != 0)
		r = err_set(ST_REFUSED, "'%s' is not a thin pool", pool);
	else if (v.used >= 1)
		r = err_set(ST_NOROOM, "pool '%s' is full", pool);
	lvm_volume_fini(&v);
	return r;
}

/* Rounds the size up to whole extents; and whether the group, or the pool, has the space. */
static int check_space(struct target_volume *t, const struct lvm_group *g)
{
	const struct target_want *w = &t->base.want;
	uint64_t extents = (w->volume_len - 1) / g->extent_size + 1;
	char want[SIZE_HUMAN], have[SIZE_HUMAN];

	t->base.space = extents * g->extent_size;
	if (w->pool)
		return check_pool(g->name, w->pool);
	if (extents <= g->free / g->extent_size)
		return 0;
	return err_set(ST_NOROOM, "group '%s' has %s free, and %s are needed", g->name,
		size_human(g->free, have), size_human(t->base.space, want));
}

static int check_group(struct target_volume *t)
{
	struct lvm_groups g;
	int r;

	if (lvm_groups(&g, t->name->group) < 0)
		return -1;
	r = g.count == 1 && g.group[0].extent_size
		    ? 0
		    : err_set(ST_FAILED, "LVM does not report its group");
	if (r == 0)
		r = volume_check_group(&g.group[0]);
	if (r == 0)
		r = check_space(t, &g.group[0]);
	lvm_groups_fini(&g);
	return r;
}

/* Removes what lvcreate has made with our tag, whether it ended well or not. */
static void remove_own(struct target_volume *t)
{
	if ((*t->uuid ? volume_remove(t->name, t->uuid) : volume_remove_own(t->name)) < 0)
		log_warn("cannot remove the volume '%s' again (see img-clean): %s",
			t->base.place->path, err_text());
}

/* The name may have been taken since it was looked at. */
static int explain_failure(const struct volume_name *n)
{
	struct lvm_volume v;
	struct err e;
	bool own;

	err_take(&e);
	if (lvm_volume(&v, n->group, n->name) == 0) {
		own = volume_is_own(&v);
		lvm_volume_fini(&v);
		if (!own)
			return err_set(ST_EXISTS, "exists already");
	}
	err_put(&e);
	return -1;
}

static int create_volume(struct target_volume *t)
{
	const struct volume_name *n = t->name;
	const char *pool = t->base.want.pool;
	char size[32], tag[VOLUME_RUN_TAG_MAX];
	const char *argv[] = { "lvcreate", "-qq", "-y", "--addtag", tag, "-n", n->name,
		pool ? "-V" : "-L", size, pool ? "--thinpool" : n->group, pool,
		pool ? n->group : NULL, NULL };
	struct lvm_volume v;
	int r;

	if (volume_run_tag(tag) < 0)
		return -1;
	/* Whole extents: LVM takes no part of a sector. */
	snprintf(size, sizeof(size), "%llub", (unsigned long long)t->base.space);
	t->is_made = true;
	if (lvm_change(argv) < 0)
		return explain_failure(n);
	if (volume_look(&v, n) < 0)
		return -1;
	r = volume_is_own(&v) ? open_volume(t, &v)
			      : err_set(ST_BUSY, "was replaced while it was made");
	lvm_volume_fini(&v);
	return r;
}

/* 0, or -1 recorded: the job that was making it is still running, or may be. */
static int check_job(const struct lvm_volume *v)
{
	switch (volume_run_state(v)) {
	case RUN_ALIVE:
		return err_set(ST_BUSY, "in use: another job is making it");
	case RUN_FOREIGN:
		return err_set(ST_BUSY, "in use: a job on another host may be making it");
	default:
		return 0;
	}
}

/*
 * Which existing volume has the name: 1: none any more, since an interrupted job's
 * was removed; 0: one that is to be filled in place; -1 recorded.
 */
static int check_old(struct target_volume *t)
{
	const struct change_want want = { .dry_run = t->base.want.dry_run };
	struct place *place = t->base.place;
	struct lvm_volume v;
	char *run;
	int r;

	if (lvm_volume(&v, t->name->group, t->name->name) < 0) {
		if (err_status() != ST_ABSENT)
			return -1;
		err_clear();
		return 1;
	}
	run = lvm_tag(&v, VOLUME_TAG_RUN);
	r = check_job(&v);
	if (r == 0 && run)
		r = place->backend->remove(place, &want) < 0 ? -1 : 1;
	else if (r == 0 && !t->base.want.overwrite)
		r = err_set(ST_EXISTS, "exists already");
	free(run);
	lvm_volume_fini(&v);
	return r;
}

static int check_size(const struct target_want *w)
{
	char have[SIZE_HUMAN], want[SIZE_HUMAN];

	if (w->volume_len == TARGET_LEN_UNKNOWN)
		return err_set(ST_USAGE, "the size of a new volume must be known (see --size)");
	if (w->volume_len == 0)
		return err_set(ST_REFUSED, "a volume cannot be empty");
	if (w->volume_len > INT64_MAX / 2)
		return err_set(ST_NOROOM, "no volume is so large");
	if (w->len != TARGET_LEN_UNKNOWN && w->len > w->volume_len)
		return err_set(ST_NOROOM, "it would have %s, and the source has %s",
			size_human(w->volume_len, have), size_human(w->len, want));
	return 0;
}

static int prepare_new(struct target_volume *t)
{
	struct target_want *w = &t->base.want;

	if (w->volume_len == 0)
		w->volume_len = w->len;
	if (check_size(w) < 0 || check_group(t) < 0)
		return -1;
	return w->dry_run ? 0 : create_volume(t);
}

static int check_in_place(struct target_volume *t, const struct lvm_volume *v)
{
	struct stat st;

	if (volume_check_changeable(v) < 0 || check_job(v) < 0)
		return -1;
	/* Before it is opened exclusively, which a source that is open would prevent. */
	if (stat(t->base.place->path, &st) == 0 && target_check_source(&t->base, &st) < 0)
		return -1;
	if (open_volume(t, v) < 0 || target_check_len(&t->base) < 0)
		return -1;
	return volume_snapshot_check_space(v);
}

/*
 * The mark is set in any case: the job that had set one may have removed it since we
 * looked.  What an interrupted job began to make is this one's to finish.
 */
static int set_mark(struct target_volume *t, const struct lvm_volume *v)
{
	char *run = lvm_tag(v, VOLUME_TAG_RUN), tag[VOLUME_RUN_TAG_MAX];
	int r = volume_set_tag(v->group, v->own_uuid, VOLUME_TAG_UNFINISHED, true);

	if (r == 0 && run) {
		snprintf(tag, sizeof(tag), VOLUME_TAG_RUN "%s", run);
		r = volume_set_tag(v->group, v->own_uuid, tag, false);
	}
	/* What an earlier job left unfinished stays so if this one writes nothing. */
	t->marked = !volume_is_unfinished(v);
	free(run);
	if (r == 0 && !volume_has_name(t->base.fd, t->name))
		r = err_set(ST_BUSY, "was renamed while it was opened");
	return r;
}

static int prepare_in_place(struct target_volume *t)
{
	struct lvm_volume v;
	int r;

	if (volume_place_look(t->base.place, &v) < 0)
		return -1;
	r = check_in_place(t, &v);
	if (r == 0 && !t->base.want.dry_run)
		r = set_mark(t, &v);
	lvm_volume_fini(&v);
	return r;
}

/* A new thin one reads as zeros where nothing was written. */
static int zero_new(struct target *base, uint64_t len, uint64_t off)
{
	const struct block_zero *z = &volume_of(base)->zero;

	return z->is_thin && !z->is_stale ? 0 : block_zero_range(z, len, off);
}

static int zero_rest_new(struct target *base, uint64_t len)
{
	return zero_new(base, base->space - len, len);
}

static int zero_in_place(struct target *base, uint64_t len, uint64_t off)
{
	return block_zero_range(&volume_of(base)->zero, len, off);
}

static int zero_rest_in_place(struct target *base, uint64_t len)
{
	return zero_in_place(base, base->space - len, len);
}

/* Of a full pool the kernel says only that something could not be written. */
static int sync_volume(struct target_volume *t)
{
	struct lvm_volume v, pool;
	struct err e;

	if (target_sync(&t->base) == 0)
		return 0;
	err_take(&e);
	memset(&v, 0, sizeof(v));
	if (lvm_volume(&v, t->name->group, t->name->name) == 0 && *v.pool &&
		lvm_volume(&pool, v.group, v.pool) == 0) {
		if (pool.used >= 1 || pool.meta_used >= 1)
			e.status = ST_NOROOM;
		if (e.status == ST_NOROOM)
			snprintf(e.text, sizeof(e.text), "pool '%s' is full", v.pool);
		lvm_volume_fini(&pool);
	}
	lvm_volume_fini(&v);
	err_put(&e);
	return -1;
}

/* Removes the tag that says that it is unfinished, if it is still what the user named. */
static int publish_volume(struct target_volume *t, const char *tag)
{
	if (sync_volume(t) < 0)
		return -1;
	if (!volume_has_name(t->base.fd, t->name))
		return err_set(ST_BUSY, "was renamed while it was written");
	if (volume_set_tag(t->name->group, t->uuid, tag, false) < 0)
		return -1;
	close(t->base.fd);
	t->base.fd = -1;
	return 0;
}

static int commit_new(struct target *base)
{
	char tag[VOLUME_RUN_TAG_MAX];

	return volume_run_tag(tag) < 0 ? -1 : publish_volume(volume_of(base), tag);
}

static int commit_in_place(struct target *base)
{
	return publish_volume(volume_of(base), VOLUME_TAG_UNFINISHED);
}

static void abort_new(struct target *base)
{
	if (base->fd >= 0)
		close(base->fd);
	if (volume_of(base)->is_made)
		remove_own(volume_of(base));
}

static void abort_in_place(struct target *base)
{
	struct target_volume *t = volume_of(base);

	if (t->marked && !atomic_load(&base->touched))
		volume_set_tag(t->name->group, t->uuid, VOLUME_TAG_UNFINISHED, false);
	if (base->fd >= 0)
		close(base->fd);
}

static const struct target_ops ops_new = {
	.write = target_fd_write,
	.zero = zero_new,
	.set_len = zero_rest_new,
	.commit = commit_new,
	.abort = abort_new,
};

static const struct target_ops ops_in_place = {
	.peek = target_fd_peek,
	.write = target_fd_write,
	.zero = zero_in_place,
	.set_len = zero_rest_in_place,
	.commit = commit_in_place,
	.abort = abort_in_place,
};

static struct target_volume *new_target(
	const struct target_ops *ops, struct place *place, const struct target_want *want)
{
	struct target_volume *t = target_new(sizeof(*t), ops, place, want);

	if (t)
		t->name = &((const struct place_volume *)place)->volume;
	return t;
}

struct target *volume_target_fill(struct place *place, const struct target_want *want)
{
	struct target_volume *t = new_target(&ops_in_place, place, want);

	if (!t)
		return NULL;
	if (prepare_in_place(t) == 0)
		return &t->base;
	target_abort(&t->base);
	return NULL;
}

/* --overwrite of a volume fills it in place. */
struct target *volume_target_make(struct place *place, const struct target_want *want)
{
	struct target_volume *t = new_target(&ops_new, place, want);
	int is_new;

	if (!t)
		return NULL;
	if (place->is_container)
		is_new = err_set(ST_REFUSED, "is a volume group, not an image");
	else
		is_new = check_old(t);
	if (is_new > 0 && prepare_new(t) == 0)
		return &t->base;
	if (is_new == 0) {
		t->base.place = NULL;
		target_abort(&t->base);
		return volume_target_fill(place, want);
	}
	target_abort(&t->base);
	return NULL;
}
