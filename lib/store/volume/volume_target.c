/*
 * volume_target: a new logical volume.
 *
 *	checks, lvcreate with the job's tag | writes | zero the rest, fsync, remove
 *	the tag
 *
 * An abort removes it.
 */
#include "lib/store/volume/volume_target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/run.h"
#include "lib/base/size.h"
#include "lib/host/inuse.h"
#include "lib/store/block_size.h"
#include "lib/store/block_zero.h"
#include "lib/store/target_ops.h"
#include "lib/store/volume/volume_place.h"
#include "lib/store/volume/volume_snapshot.h"

struct target_volume *volume_target_new(
	const struct target_ops *ops, struct place *place, const struct target_want *want)
{
	struct target_volume *t = target_new(sizeof(*t), ops, place, want);

	if (t)
		t->name = &((const struct place_volume *)place)->volume;
	return t;
}

int volume_target_open(struct target_volume *t, const struct lvm_volume *v)
{
	int fd = t->base.fd = volume_place_open(v, O_RDWR | O_EXCL);

	if (fd < 0 || inuse_refuse_open(fd) < 0 || block_size_get(fd, &t->base.space) < 0)
		return -1;
	memcpy(t->uuid, v->own_uuid, sizeof(t->uuid));
	block_zero_init(&t->zero, fd, v->is_thin);
	t->base.hole_unit = t->zero.is_thin ? t->zero.unit : 0;
	return 0;
}

void volume_target_warn_of_pool(const char *path, uint64_t len, const struct lvm_volume *pool)
{
	char size[SIZE_HUMAN], have[SIZE_HUMAN];

	if (len > pool->size)
		log_warn("warning: '%s' has %s, and its pool '%s' has only %s: writing will fail "
			 "when the pool is full",
			path, size_human(len, size), pool->name, size_human(pool->size, have));
}

static int check_pool(const struct target_volume *t, const char *group, const char *pool)
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
	else
		volume_target_warn_of_pool(t->base.place->path, t->base.space, &v);
	lvm_volume_fini(&v);
	return r;
}

/* Whether the group, or the pool, has the space that t->base.space says. */
static int check_volume_space(const struct target_volume *t, const struct lvm_group *g)
{
	const char *pool = t->base.want.pool;
	char need[SIZE_HUMAN], have[SIZE_HUMAN];

	if (pool)
		return check_pool(t, g->name, pool);
	if (t->base.space <= g->free)
		return 0;
	return err_set(ST_NOROOM, "needs %s, and group '%s' has %s free",
		size_human(t->base.space, need), g->name, size_human(g->free, have));
}

static uint64_t round_up(uint64_t len, uint64_t unit)
{
	return ((len - 1) / unit + 1) * unit;
}

/* Sets the size of the volume, in complete extents, and checks that there is space for it. */
static int check_group_space(struct target_volume *t)
{
	struct lvm_groups g;
	int r;

	if (lvm_groups(&g, t->name->group) < 0)
		return -1;
	r = g.count == 1 && g.group[0].extent_size
		    ? 0
		    : err_set(ST_FAILED, "LVM reports no extent size of its group");
	if (r == 0)
		r = volume_check_group(&g.group[0]);
	if (r == 0) {
		t->base.space = round_up(t->base.want.volume_len, g.group[0].extent_size);
		r = check_volume_space(t, &g.group[0]);
	}
	lvm_groups_fini(&g);
	return r;
}

/* Removes what lvcreate has made with the job's tag, also if it failed. */
static void remove_new_volume(struct target_volume *t)
{
	if ((*t->uuid ? volume_remove(t->name, t->uuid) : volume_remove_own(t->name)) < 0)
		log_warn("warning: cannot remove the new volume '%s' (see img-clean): %s",
			t->base.place->path, err_text());
}

/* Replaces the recorded error of lvcreate if the name was taken meanwhile.  -1. */
static int explain_failed_create(const struct volume_name *n)
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
	/* Complete extents: LVM refuses a size that is not a multiple of a sector. */
	snprintf(size, sizeof(size), "%llub", (unsigned long long)t->base.space);
	t->is_made = true;
	if (lvm_change(argv) < 0)
		return explain_failed_create(n);
	if (volume_look(&v, n) < 0)
		return -1;
	r = volume_is_own(&v) ? volume_target_open(t, &v)
			      : err_set(ST_BUSY, "was replaced while it was made");
	lvm_volume_fini(&v);
	return r;
}

int volume_target_check_job(const struct lvm_volume *v)
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
 * Finds out what has the name.  1: nothing (an interrupted job's volume is removed);
 * 0: an existing volume, which is to be filled in place; -1 recorded.
 */
static int check_existing_volume(struct target_volume *t)
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
	r = volume_target_check_job(&v);
	if (r == 0 && run)
		r = place->backend->remove(place, &want) < 0 ? -1 : 1;
	else if (r == 0 && !t->base.want.overwrite)
		r = target_exists(&t->base.want, place);
	free(run);
	lvm_volume_fini(&v);
	return r;
}

static int check_volume_len(const struct target_want *w)
{
	char have[SIZE_HUMAN], want[SIZE_HUMAN];

	if (w->volume_len == TARGET_LEN_UNKNOWN)
		return err_set(ST_USAGE, "the size of a new volume must be known (see --size)");
	if (w->volume_len == 0)
		return err_set(ST_REFUSED, "a volume cannot be empty");
	if (w->volume_len > INT64_MAX / 2)
		return err_set(ST_NOROOM, "no volume can have %s", size_human(w->volume_len, want));
	if (w->len != TARGET_LEN_UNKNOWN && w->len > w->volume_len)
		return err_set(ST_NOROOM, "it would have %s, and the source has %s",
			size_human(w->volume_len, have), size_human(w->len, want));
	return 0;
}

static int prepare_new_volume(struct target_volume *t)
{
	struct target_want *w = &t->base.want;

	if (w->volume_len == 0)
		w->volume_len = w->len;
	if (check_volume_len(w) < 0 || volume_check_name(t->name, false, ST_REFUSED) < 0 ||
		check_group_space(t) < 0)
		return -1;
	return w->dry_run ? 0 : create_volume(t);
}

/* A new thin volume reads as zeros where nothing was written. */
static int zero_new_volume(struct target *base, uint64_t len, uint64_t off)
{
	const struct block_zero *z = &target_volume_of(base)->zero;

	return z->is_thin && !z->is_stale ? 0 : block_zero_range(z, len, off);
}

static int zero_new_rest(struct target *base, uint64_t len)
{
	return zero_new_volume(base, base->space - len, len);
}

/* If a pool is full, the kernel reports only a write error. */
int volume_target_settle(struct target *base)
{
	const struct target_volume *t = target_volume_of(base);
	struct lvm_volume v, pool;
	struct err e;

	if (target_sync(base) == 0)
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

int volume_target_publish(struct target_volume *t, const char *tag)
{
	if (!volume_has_name(t->base.fd, t->name))
		return err_set(ST_BUSY, "was renamed while it was written");
	if (volume_set_tag(t->name->group, t->uuid, tag, false) < 0)
		return -1;
	close(t->base.fd);
	t->base.fd = -1;
	return 0;
}

static int commit_new_volume(struct target *base)
{
	char tag[VOLUME_RUN_TAG_MAX];

	return volume_run_tag(tag) < 0 ? -1 : volume_target_publish(target_volume_of(base), tag);
}

static void abort_new_volume(struct target *base)
{
	if (base->fd >= 0)
		close(base->fd);
	if (target_volume_of(base)->is_made)
		remove_new_volume(target_volume_of(base));
}

static const struct target_ops ops = {
	.write = target_fd_write,
	.zero = zero_new_volume,
	.set_len = zero_new_rest,
	.settle = volume_target_settle,
	.commit = commit_new_volume,
	.abort = abort_new_volume,
};

/* With want->overwrite, an existing volume is filled in place. */
struct target *volume_target_make(struct place *place, const struct target_want *want)
{
	struct target_volume *t = volume_target_new(&ops, place, want);
	int is_new;

	if (!t)
		return NULL;
	if (place->is_container)
		is_new = err_set(ST_REFUSED, "is a volume group, not an image");
	else
		is_new = check_existing_volume(t);
	if (is_new == 0 && want->volume_len)
		is_new = err_set(ST_USAGE, "--size is for a new volume, and this one exists");
	if (is_new == 0) {
		t->base.place = NULL;
		target_abort(&t->base);
		return volume_target_fill(place, want);
	}
	return target_ready(&t->base, is_new < 0 ? -1 : prepare_new_volume(t));
}
