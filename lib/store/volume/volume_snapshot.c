/*
 * volume_snapshot: takes snapshots by lvcreate, and removes them by lvremove.
 */
#include "lib/store/volume/volume_snapshot.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/lvm/dm.h"
#include "lib/lvm/repair.h"
#include "lib/store/volume/volume_image.h"
#include "lib/store/volume/volume_place.h"
#include "lib/store/volume/volume_watch.h"

#define REMOVE_TRIES 5
#define REMOVE_AGAIN_MS 500

struct snapshot_volume {
	struct snapshot base;
	struct volume_name volume, origin;
	char uuid[40];		    /* as LVM prints it; "": unknown */
	struct volume_watch *watch; /* of a thick one, or NULL */
	const char *tag;	    /* snapshot_want.tag */
	bool keep, is_thin, autoextend;
	bool is_begun;	 /* lvcreate was run, so it may exist */
	bool has_failed; /* and has failed, or has made something else */
};

static int refuse_origin(const struct lvm_volume *v)
{
	if (volume_check_image(v) < 0)
		return -1;
	if (v->is_snapshot)
		return err_set(
			ST_REFUSED, "is a thick snapshot, and LVM takes no snapshot of that");
	if (v->is_merging)
		return err_set(ST_REFUSED, "is being merged");
	if (volume_check_active(v) < 0)
		return -1;
	return volume_check_lock_type(v->lock_type);
}

/* The copy-on-write space of a thick snapshot, rounded up to extents: *out bytes. */
static int find_cow_space(
	const struct lvm_volume *v, const struct snapshot_want *want, uint64_t *out)
{
	unsigned percent = want->percent ? want->percent : SNAPSHOT_PERCENT;
	uint64_t size = want->size ? want->size : v->size / 100 * percent;
	char need[SIZE_HUMAN], have[SIZE_HUMAN];

	if (!v->extent_size)
		return err_set(ST_FAILED, "LVM reports no extent size of its group");
	*out = size ? ((size - 1) / v->extent_size + 1) * v->extent_size : v->extent_size;
	if (*out > v->group_free)
		return err_set(ST_NOROOM, "a snapshot needs %s, and group '%s' has %s free",
			size_human(*out, need), v->group, size_human(v->group_free, have));
	return 0;
}

void volume_snapshot_choose_name(struct volume_name *out, const struct lvm_volume *v)
{
	static unsigned count; /* names that are cut, and made within a second, could be equal */
	char end[64], more[16] = "";
	size_t n = strlen(v->name);

	memcpy(out->group, v->group, sizeof(out->group));
	if (count++)
		snprintf(more, sizeof(more), "-%u", count);
	snprintf(end, sizeof(end), ".img-tools-%llx-%ld%s", (unsigned long long)time(NULL),
		(long)getpid(), more);
	do {
		snprintf(out->name, sizeof(out->name), "%.*s%s", (int)n, v->name, end);
	} while (volume_check_name(out, true, ST_REFUSED) < 0 && n-- > 1);
	err_clear();
}

/* A name for a snapshot that is kept: that of the origin, cut if necessary, and the time. */
static char *choose_kept_name(const struct volume_name *origin, time_t at)
{
	struct volume_name base = *origin, name = *origin;
	size_t n = strlen(base.name);
	char *text;

	for (;;) {
		base.name[n] = '\0';
		text = snapshot_default_name(base.name, at, LVM_NAME_MAX - 4);
		if (!text)
			return NULL;
		snprintf(name.name, sizeof(name.name), "%s", text);
		if (n == 1 || volume_check_name(&name, true, ST_REFUSED) == 0)
			break;
		free(text);
		n--;
	}
	err_clear();
	return text;
}

static int run_lvcreate(const struct snapshot_volume *s)
{
	char size[32], origin[VOLUME_PATH_MAX], tag[VOLUME_RUN_TAG_MAX];
	const char *argv[16] = { "lvcreate", "-qq", "-y", "-s", "--addtag", tag, "-n",
		s->volume.name };
	int i = 8;

	if (volume_run_tag(tag) < 0)
		return -1;
	snprintf(origin, sizeof(origin), "%s/%s", s->origin.group, s->origin.name);
	snprintf(size, sizeof(size), "%llub", (unsigned long long)s->base.needs);
	if (!s->keep)
		argv[i++] = "-pr";
	argv[i++] = s->is_thin ? "-kn" : "-L"; /* without -kn, activation skips thin snapshots */
	if (!s->is_thin)
		argv[i++] = size;
	if (s->tag) {
		argv[i++] = "--addtag";
		argv[i++] = s->tag;
	}
	argv[i++] = origin;
	argv[i] = NULL;
	return lvm_change(argv);
}

static int try_remove(const struct volume_name *name, const char *uuid)
{
	struct err e;

	if ((*uuid ? volume_remove(name, uuid) : volume_remove_own(name)) == 0)
		return 0;
	/* An LVM that was killed may have left the origin suspended. */
	err_take(&e);
	repair_group(name->group, false, NULL, NULL);
	err_put(&e);
	return -1;
}

/* Removes a snapshot of this job.  uuid: as LVM prints it; "": unknown, so the tag tells. */
static int remove_made(const struct volume_name *name, const char *uuid)
{
	int tries, r = -1;

	/* udev may have it open for a moment. */
	for (tries = 0; r < 0 && tries < REMOVE_TRIES; tries++) {
		if (tries)
			poll(NULL, 0, REMOVE_AGAIN_MS);
		r = try_remove(name, uuid);
	}
	if (r == 0 && tries > 1 && repair_refresh(name->group) < 0)
		err_clear();
	return r;
}

/* A thick snapshot makes LVM give further names to the devices of its origin, too. */
static int check_names(const struct lvm_volume *v, const struct volume_name *snapshot)
{
	const struct volume_name origin = volume_name_of(v);

	if (!v->is_thin && volume_check_name(&origin, true, ST_REFUSED) < 0)
		return -1;
	return volume_check_name(snapshot, !v->is_thin, ST_USAGE);
}

/* LVM takes a name, which another volume may have got meanwhile. */
static int check_origin_name(const struct image *origin)
{
	const struct volume_name name = volume_image_name(origin);

	return volume_has_name(origin->fd, &name)
		       ? 0
		       : err_set(ST_ABSENT, "was renamed or removed meanwhile");
}

/*
 * An LVM that failed may have left the origin suspended.  It is resumed at once, since the user's
 * second command may need it.
 */
static int make_volume(struct snapshot *base)
{
	struct snapshot_volume *s = (struct snapshot_volume *)base;
	struct err e;

	if (check_origin_name(base->origin) < 0)
		return -1;
	s->is_begun = true;
	if (run_lvcreate(s) == 0)
		return 0;
	s->has_failed = true;
	err_take(&e);
	repair_group(s->volume.group, false, NULL, NULL);
	err_put(&e);
	return -1;
}

static int remove_volume_snapshot(struct snapshot *base)
{
	struct snapshot_volume *s = (struct snapshot_volume *)base;

	volume_watch_end(s->watch);
	s->watch = NULL;
	if (!s->is_begun)
		return 0;
	if (remove_made(&s->volume, s->uuid) < 0)
		return err_wrap("cannot remove the snapshot '%s' (see img-clean)", s->volume.name);
	if (s->has_failed && repair_refresh(s->volume.group) < 0)
		err_clear();
	return 0;
}

static int refuse_overflowed(void)
{
	return err_set(ST_CORRUPT, "the snapshot is invalid: it overflowed");
}

static int check_snapshot(const struct snapshot *base)
{
	const struct snapshot_volume *s = (const struct snapshot_volume *)base;

	return s->watch && atomic_load(volume_watch_spoiled(s->watch)) ? refuse_overflowed() : 0;
}

static struct image *open_snapshot_image(const struct policy *policy, const struct lvm_volume *v)
{
	const struct volume_name name = volume_name_of(v);
	struct place *place = volume_place_of(policy, &name);
	struct place_volume *known = (struct place_volume *)place;
	struct image *img;

	if (!place)
		return NULL;
	known->known = v;
	img = volume_image_open(place);
	if (img)
		known->known = NULL; /* v is borrowed, and lives shorter than img */
	return img;
}

static int start_watch(struct snapshot_volume *s, const struct lvm_volume *v)
{
	struct image *img = s->base.image;

	if (!v->is_snapshot)
		return 0;
	s->watch = volume_watch_start(&s->volume, img->st.st_rdev, img->len, s->autoextend);
	if (!s->watch)
		return -1;
	img->spoiled = volume_watch_spoiled(s->watch);
	return 0;
}

static int open_complete(struct snapshot_volume *s, const struct lvm_volume *v)
{
	struct image *origin = s->base.origin;

	if (check_origin_name(origin) < 0)
		return -1;
	if (v->is_invalid)
		return refuse_overflowed();
	if (s->keep)
		return 0;
	s->base.image = open_snapshot_image(origin->place->policy, v);
	return s->base.image ? start_watch(s, v) : -1;
}

static int complete_volume(struct snapshot *base)
{
	struct snapshot_volume *s = (struct snapshot_volume *)base;
	struct lvm_volume v;
	int r = lvm_volume(&v, s->volume.group, s->volume.name);

	if (r == 0 && volume_is_own(&v))
		memcpy(s->uuid, v.own_uuid, sizeof(s->uuid));
	else if (r == 0)
		r = err_set(ST_BUSY, "its snapshot was replaced while it was made");
	if (r == 0)
		r = open_complete(s, &v);
	s->has_failed = r < 0;
	lvm_volume_fini(&v);
	return r;
}

/* Refuses a thick snapshot that has overflowed since it was made, which the kernel knows at once.
 */
static int check_kept(const struct snapshot_volume *s)
{
	struct dm_usage usage;
	struct stat st;

	if (s->is_thin)
		return 0;
	if (stat(s->base.path, &st) < 0)
		return err_sys("cannot look at the snapshot");
	if (dm_snapshot_usage(st.st_rdev, &usage) < 0)
		return -1;
	return usage.invalid ? refuse_overflowed() : 0;
}

/* A snapshot that is kept has the job's tag only until it is complete. */
static int publish_volume(struct snapshot *base)
{
	struct snapshot_volume *s = (struct snapshot_volume *)base;
	char tag[VOLUME_RUN_TAG_MAX];

	if (volume_run_tag(tag) < 0 || volume_set_tag(s->volume.group, s->uuid, tag, false) < 0)
		return -1;
	return check_kept(s);
}

static const struct snapshot_ops ops = {
	.make = make_volume,
	.complete = complete_volume,
	.publish = publish_volume,
	.check = check_snapshot,
	.remove = remove_volume_snapshot,
};

/* Chooses its name, and of one that is kept, makes sure that it is free.  0, or -1 recorded. */
static int choose_name(
	struct snapshot_volume *s, const struct lvm_volume *v, const struct snapshot_want *want)
{
	char *own = NULL, text[VOLUME_PATH_MAX];
	int gone;

	volume_snapshot_choose_name(&s->volume, v);
	if (s->keep && !want->name && !(own = choose_kept_name(&s->origin, want->at)))
		return -1;
	if (s->keep)
		snprintf(s->volume.name, sizeof(s->volume.name), "%s", own ? own : want->name);
	free(own);
	if (check_names(v, &s->volume) < 0)
		return -1;
	gone = s->keep ? volume_is_gone(&s->volume) : 1;
	if (gone <= 0)
		return gone < 0 ? -1 : err_set(ST_EXISTS, "'%s' exists already", s->volume.name);
	s->base.name = strdup(s->volume.name);
	if (s->keep)
		s->base.path = strdup(volume_path(&s->volume, text));
	return s->base.name && (!s->keep || s->base.path) ? 0 : err_set(ST_FAILED, "out of memory");
}

static int prepare_volume(
	struct snapshot_volume *s, const struct lvm_volume *v, const struct snapshot_want *want)
{
	if (refuse_origin(v) < 0)
		return -1;
	/* Since it was opened, when it was not; a resize marks it and takes one itself. */
	if (!want->tag && volume_is_unfinished(v))
		return err_set(ST_BUSY, "in use: another job is writing it");
	s->is_thin = v->is_thin;
	if (choose_name(s, v, want) < 0)
		return -1;
	if (v->is_thin)
		return 0;
	s->base.pool = s->volume.group;
	s->base.free = v->group_free;
	return find_cow_space(v, want, &s->base.needs);
}

struct snapshot *volume_snapshot_prepare(struct image *origin, const struct snapshot_want *want)
{
	struct snapshot_volume *s = snapshot_new(sizeof(*s), &ops, origin);
	struct lvm_volume v;
	int r = -1;

	if (!s)
		return NULL;
	s->origin = volume_image_name(origin);
	s->keep = want->keep;
	s->autoextend = want->autoextend;
	s->tag = want->tag;
	if (check_origin_name(origin) == 0 && volume_look(&v, &s->origin) == 0) {
		r = prepare_volume(s, &v, want);
		lvm_volume_fini(&v);
	}
	if (r == 0)
		return &s->base;
	snapshot_drop(&s->base);
	return NULL;
}
