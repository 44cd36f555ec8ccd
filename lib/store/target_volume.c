/*
 * target_volume: a logical volume that is made, or filled where it is.
 *
 *	new:      checks, lvcreate with our run's tag | writes | zero the rest,
 *	          fsync, take the tag away
 *	in place: checks, open for us alone, mark by a tag | the same
 *
 * A new one that is given up is removed; of one that was written in place the
 * mark stays.  Who only looks at the tags sees both as unfinished.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/run.h"
#include "lib/store/inuse.h"
#include "lib/store/snapshot.h"
#include "lib/store/store.h"
#include "lib/store/target_state.h"

/* Opens what is to be written, for us alone, and finds its size. */
static int take(struct target *t, const struct lvm_volume *v)
{
	int other;

	t->fd = volume_open(v, O_RDWR | O_EXCL);
	if (t->fd < 0)
		return -1;
	other = volume_is_open_elsewhere(t->fd, 1);
	if (other)
		return other < 0 ? -1 : inuse_explain_open(t->fd);
	if (ioctl(t->fd, BLKGETSIZE64, &t->room) < 0)
		return err_sys("cannot get the volume's size");
	memcpy(t->uuid, v->own_uuid, sizeof(t->uuid));
	target_volume_zero_init(t, v->is_thin);
	return 0;
}

/* What room a new one takes in its group, whole extents; or that there is none. */
static int check_room(struct target *t, const struct lvm_group *g)
{
	uint64_t extents = (t->want.volume_len - 1) / g->extent_size + 1;
	struct lvm_volume pool;
	int r = 0;

	t->room = extents * g->extent_size;
	if (!t->want.pool)
		return extents > g->free / g->extent_size
			       ? err_set(ST_NOROOM,
					 "group '%s' has %llu bytes left, and %llu are needed",
					 g->name, (unsigned long long)g->free,
					 (unsigned long long)(extents * g->extent_size))
			       : 0;
	if (!lvm_name_is_valid(t->want.pool))
		return err_set(ST_REFUSED, "'%s' is no name for a pool", t->want.pool);
	if (lvm_volume(&pool, g->name, t->want.pool) < 0)
		return err_wrap("pool '%s'", t->want.pool);
	if (!pool.is_pool || strncmp(pool.layout, "thin", 4) != 0)
		r = err_set(ST_REFUSED, "'%s' is no thin pool", t->want.pool);
	else if (pool.used >= 1)
		r = err_set(ST_NOROOM, "pool '%s' is full", t->want.pool);
	lvm_volume_fini(&pool);
	return r;
}

static int check_group(struct target *t)
{
	struct lvm_groups g;
	int r;

	if (lvm_groups(&g, t->place.volume.group) < 0)
		return -1;
	r = g.count == 1 && g.group[0].extent_size
		    ? 0
		    : err_set(ST_FAILED, "LVM does not tell of its group");
	if (r == 0)
		r = volume_check_group(&g.group[0]);
	if (r == 0)
		r = check_room(t, &g.group[0]);
	lvm_groups_fini(&g);
	return r;
}

/* Removes what lvcreate has made under our tag, whether it ended well or not. */
static void remove_own(struct target *t)
{
	const struct volume_name *n = &t->place.volume;

	if ((*t->uuid ? volume_remove(n, t->uuid) : volume_remove_own(n)) < 0)
		log_warn("cannot remove the volume '%s' again (see img-clean): %s", t->place.path,
			err_text());
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

static int make(struct target *t)
{
	const struct volume_name *n = &t->place.volume;
	char size[32], tag[VOLUME_RUN_TAG_MAX];
	const char *argv[] = { "lvcreate", "-qq", "-y", "--addtag", tag, "-n", n->name,
		t->want.pool ? "-V" : "-L", size, t->want.pool ? "--thinpool" : n->group,
		t->want.pool, t->want.pool ? n->group : NULL, NULL };
	struct lvm_volume v;
	int r;

	if (volume_run_tag(tag) < 0)
		return -1;
	/* Whole extents: LVM takes no part of a sector. */
	snprintf(size, sizeof(size), "%llub", (unsigned long long)t->room);
	t->made = true;
	if (lvm_change(argv) < 0)
		return explain_failure(n);
	if (volume_look(&v, n) < 0)
		return -1;
	r = volume_is_own(&v) ? take(t, &v) : err_set(ST_BUSY, "was replaced while it was made");
	lvm_volume_fini(&v);
	return r;
}

/* 0, or -1 recorded: who was making it does so still, or may. */
static int check_run(const struct lvm_volume *v)
{
	switch (volume_run_state(v)) {
	case RUN_ALIVE:
		return err_set(ST_BUSY, "in use: another run is making it");
	case RUN_FOREIGN:
		return err_set(ST_BUSY, "in use: perhaps a run on another host is making it");
	default:
		return 0;
	}
}

static int begin_in_place(struct target *t);

/* What stands there: 1: nothing any more; 0: it is filled where it is; -1 recorded. */
static int look_at_old(struct target *t)
{
	struct store_want want = { .dry_run = t->want.dry_run };
	struct lvm_volume v;
	char *run;
	int r;

	if (lvm_volume(&v, t->place.volume.group, t->place.volume.name) < 0) {
		if (err_status() != ST_ABSENT)
			return -1;
		err_clear();
		return 1;
	}
	run = lvm_tag(&v, VOLUME_TAG_RUN);
	r = check_run(&v);
	if (r == 0 && run) /* what a dead run left */
		r = store_volume.remove(&t->place, &want) < 0 ? -1 : 1;
	else if (r == 0 && !t->want.overwrite)
		r = err_set(ST_EXISTS, "exists already");
	free(run);
	lvm_volume_fini(&v);
	return r;
}

static int check_size(const struct target_want *w)
{
	if (w->volume_len == TARGET_LEN_UNKNOWN)
		return err_set(ST_USAGE, "a new volume's size has to be known (see --size)");
	if (w->volume_len == 0)
		return err_set(ST_REFUSED, "a volume cannot be empty");
	if (w->volume_len > INT64_MAX / 2)
		return err_set(ST_NOROOM, "no volume is so large");
	if (w->len != TARGET_LEN_UNKNOWN && w->len > w->volume_len)
		return err_set(ST_NOROOM, "it would have %llu bytes, and the source has %llu",
			(unsigned long long)w->volume_len, (unsigned long long)w->len);
	return 0;
}

static int begin_new(struct target *t)
{
	int is_new;

	if (!lvm_name_is_valid(t->place.volume.name))
		return err_set(ST_REFUSED, "'%s' is no name for a volume", t->place.volume.name);
	is_new = look_at_old(t);
	if (is_new < 0)
		return -1;
	if (!is_new) {
		t->ops = &target_volume_in_place_ops;
		return begin_in_place(t);
	}
	if (t->want.volume_len == 0)
		t->want.volume_len = t->want.len;
	if (check_size(&t->want) < 0 || check_group(t) < 0)
		return -1;
	return t->want.dry_run ? 0 : make(t);
}

static int check_in_place(struct target *t, const struct lvm_volume *v)
{
	const struct target_want *w = &t->want;
	struct stat st;

	if (volume_check_changeable(v) < 0 || check_run(v) < 0)
		return -1;
	if (w->source && S_ISBLK(w->source->st_mode) && stat(t->place.path, &st) == 0 &&
		st.st_rdev == w->source->st_rdev)
		return err_set(ST_REFUSED, "source and target are the same image");
	if (take(t, v) < 0)
		return -1;
	if (w->len != TARGET_LEN_UNKNOWN && w->len > t->room)
		return err_set(ST_NOROOM, "the target has %llu bytes, and the source %llu",
			(unsigned long long)t->room, (unsigned long long)w->len);
	return snapshot_volume_check_room(v);
}

/*
 * The mark is set in any case: the run that had set one may have taken it away since we
 * looked.  What a dead run began to make is this one's to finish.
 */
static int mark(struct target *t, const struct lvm_volume *v)
{
	char *run = lvm_tag(v, VOLUME_TAG_RUN), tag[VOLUME_RUN_TAG_MAX];
	int r = volume_set_tag(v->group, v->own_uuid, VOLUME_TAG_UNFINISHED, true);

	if (r == 0 && run) {
		snprintf(tag, sizeof(tag), VOLUME_TAG_RUN "%s", run);
		r = volume_set_tag(v->group, v->own_uuid, tag, false);
	}
	/* What an earlier run left unfinished stays so if this one writes nothing. */
	t->marked = !volume_is_unfinished(v);
	free(run);
	if (r == 0 && !volume_has_name(t->fd, &t->place.volume))
		r = err_set(ST_BUSY, "was renamed while it was opened");
	return r;
}

static int begin_in_place(struct target *t)
{
	struct lvm_volume v;
	int r;

	if (volume_look(&v, &t->place.volume) < 0)
		return -1;
	r = check_in_place(t, &v);
	if (r == 0 && !t->want.dry_run)
		r = mark(t, &v);
	lvm_volume_fini(&v);
	return r;
}

/* A new thin one reads as zeros where nothing was written. */
static int zero_new(struct target *t, uint64_t len, uint64_t off)
{
	return t->thin && !t->stale ? 0 : target_volume_zero(t, len, off);
}

static int set_len_new(struct target *t, uint64_t len)
{
	return zero_new(t, t->room - len, len);
}

static int set_len_in_place(struct target *t, uint64_t len)
{
	return target_volume_zero(t, t->room - len, len);
}

/* A full pool says just that something could not be written. */
static int sync_all(struct target *t)
{
	struct lvm_volume v, pool;
	struct err e;

	if (target_sync(t) == 0)
		return 0;
	err_take(&e);
	memset(&v, 0, sizeof(v));
	if (lvm_volume(&v, t->place.volume.group, t->place.volume.name) == 0 && *v.pool &&
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

/* Takes the tag away that says that it is unfinished, if it is still what the user named. */
static int finish(struct target *t, const char *tag)
{
	const char *group = t->place.volume.group;

	if (sync_all(t) < 0)
		return -1;
	if (!volume_has_name(t->fd, &t->place.volume))
		return err_set(ST_BUSY, "was renamed while it was written");
	if (volume_set_tag(group, t->uuid, tag, false) < 0)
		return -1;
	close(t->fd);
	t->fd = -1;
	return 0;
}

static int commit_new(struct target *t)
{
	char tag[VOLUME_RUN_TAG_MAX];

	return volume_run_tag(tag) < 0 ? -1 : finish(t, tag);
}

static int commit_in_place(struct target *t)
{
	return finish(t, VOLUME_TAG_UNFINISHED);
}

static void undo_new(struct target *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->made)
		remove_own(t);
}

static void undo_in_place(struct target *t)
{
	if (t->marked && !t->touched)
		volume_set_tag(t->place.volume.group, t->uuid, VOLUME_TAG_UNFINISHED, false);
	if (t->fd >= 0)
		close(t->fd);
}

const struct target_ops target_volume_ops = {
	begin_new,
	zero_new,
	set_len_new,
	NULL,
	commit_new,
	undo_new,
};

const struct target_ops target_volume_in_place_ops = {
	begin_in_place,
	target_volume_zero,
	set_len_in_place,
	NULL,
	commit_in_place,
	undo_in_place,
};
