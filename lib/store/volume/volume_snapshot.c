/*
 * volume_snapshot: takes snapshots by lvcreate, and removes them by lvremove.
 */
#include "lib/store/volume/volume_snapshot.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	struct volume_name volume;
	char uuid[40];		    /* as LVM prints it */
	struct volume_watch *watch; /* of a thick one, or NULL */
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
	char end[64];
	size_t n = strlen(v->name);

	memcpy(out->group, v->group, sizeof(out->group));
	snprintf(end, sizeof(end), ".img-tools-%llx-%ld", (unsigned long long)time(NULL),
		(long)getpid());
	do {
		snprintf(out->name, sizeof(out->name), "%.*s%s", (int)n, v->name, end);
	} while (volume_check_name(out, true, ST_REFUSED) < 0 && n-- > 1);
	err_clear();
}

/* A name for a snapshot that is kept: that of the origin, cut if necessary, and the time. */
static char *choose_kept_name(const struct volume_name *origin)
{
	struct volume_name base = *origin, name = *origin;
	size_t n = strlen(base.name);
	char *text;

	for (;;) {
		base.name[n] = '\0';
		text = snapshot_default_name(base.name, LVM_NAME_MAX - 4);
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

static int run_lvcreate(const struct lvm_volume *v, const struct volume_name *name,
	const struct snapshot_want *want, uint64_t space)
{
	char size[32], origin[VOLUME_PATH_MAX], tag[VOLUME_RUN_TAG_MAX];
	const char *argv[16] = { "lvcreate", "-qq", "-y", "-s", "--addtag", tag, "-n", name->name };
	int i = 8;

	if (volume_run_tag(tag) < 0)
		return -1;
	snprintf(origin, sizeof(origin), "%s/%s", v->group, v->name);
	snprintf(size, sizeof(size), "%llub", (unsigned long long)space);
	if (!want->name)
		argv[i++] = "-pr";
	argv[i++] = v->is_thin ? "-kn" : "-L"; /* without -kn, activation skips thin snapshots */
	if (!v->is_thin)
		argv[i++] = size;
	if (want->tag) {
		argv[i++] = "--addtag";
		argv[i++] = want->tag;
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

/* Removes what was made before a failure, and keeps the recorded error. */
static void remove_remains(const struct volume_name *name, const char *uuid)
{
	struct err e;

	err_take(&e);
	repair_group(name->group, false, NULL, NULL);
	if (remove_made(name, uuid) < 0)
		log_warn("cannot remove the snapshot '%s' (see img-clean): %s", name->name,
			err_text());
	else if (repair_refresh(name->group) < 0)
		err_clear();
	err_put(&e);
}

/* A snapshot that is kept has the job's tag only until it is complete. */
static int remove_job_tag(const struct lvm_volume *v)
{
	char tag[VOLUME_RUN_TAG_MAX];

	return volume_run_tag(tag) < 0 ? -1 : volume_set_tag(v->group, v->own_uuid, tag, false);
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

/* Runs lvcreate, and checks what it has made.  0, or -1 recorded: then nothing is left. */
static int make_snapshot(struct lvm_volume *out, const struct image *origin,
	const struct lvm_volume *v, const struct volume_name *name,
	const struct snapshot_want *want, uint64_t space)
{
	const char *uuid = "";

	if (run_lvcreate(v, name, want, space) == 0 &&
		lvm_volume(out, name->group, name->name) == 0) {
		if (volume_is_own(out))
			uuid = out->own_uuid;
		else
			err_set(ST_BUSY, "its snapshot was replaced while it was made");
		if (*uuid && check_origin_name(origin) == 0 &&
			(!want->name || remove_job_tag(out) == 0))
			return 0;
	}
	remove_remains(name, uuid);
	lvm_volume_fini(out);
	return -1;
}

static int create_snapshot(struct lvm_volume *out, const struct image *origin,
	const struct lvm_volume *v, const struct snapshot_want *want)
{
	struct volume_name name;
	uint64_t space = 0;
	int gone;

	volume_snapshot_choose_name(&name, v);
	if (want->name)
		snprintf(name.name, sizeof(name.name), "%s", want->name);
	if (check_names(v, &name) < 0)
		return -1;
	if (want->name) {
		gone = volume_is_gone(&name);
		if (gone <= 0)
			return gone < 0 ? -1 : err_set(ST_EXISTS, "'%s' exists already", name.name);
	}
	if (!v->is_thin && find_cow_space(v, want, &space) < 0)
		return -1;
	if (want->dry_run)
		return 0;
	return make_snapshot(out, origin, v, &name, want, space);
}

/*
 * Takes a snapshot of an open image.  *out is what LVM reports of the snapshot, for
 * lvm_volume_fini(), and zeroed in a dry run.  0, or -1 recorded.
 */
static int snapshot_image(
	struct lvm_volume *out, struct image *origin, const struct snapshot_want *want)
{
	const struct volume_name name = volume_image_name(origin);
	struct lvm_volume v;
	int r;

	memset(out, 0, sizeof(*out));
	if (check_origin_name(origin) < 0 || volume_look(&v, &name) < 0)
		return -1;
	r = refuse_origin(&v);
	if (r == 0)
		r = create_snapshot(out, origin, &v, want);
	lvm_volume_fini(&v);
	return r;
}

static int remove_snapshot(struct snapshot *base)
{
	struct snapshot_volume *s = (struct snapshot_volume *)base;

	volume_watch_end(s->watch);
	s->watch = NULL;
	return remove_made(&s->volume, s->uuid) < 0
		       ? err_wrap("cannot remove the snapshot '%s' (see img-clean)", s->volume.name)
		       : 0;
}

static int check_snapshot(const struct snapshot *base)
{
	const struct snapshot_volume *s = (const struct snapshot_volume *)base;

	if (s->watch && atomic_load(volume_watch_spoiled(s->watch)))
		return err_set(ST_CORRUPT, "the snapshot is invalid: it overflowed");
	return 0;
}

static const struct snapshot_ops ops = {
	.check = check_snapshot,
	.remove = remove_snapshot,
};

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

static int start_watch(struct snapshot_volume *s, const struct lvm_volume *v, bool autoextend)
{
	struct image *img = s->base.image;

	if (!v->is_snapshot)
		return 0;
	s->watch = volume_watch_start(&s->volume, img->st.st_rdev, img->len, autoextend);
	if (!s->watch)
		return -1;
	img->spoiled = volume_watch_spoiled(s->watch);
	return 0;
}

struct snapshot *volume_snapshot_take(struct image *origin, const struct snapshot_want *want)
{
	struct snapshot_want nameless = *want;
	struct volume_name made;
	struct snapshot_volume *s;
	struct lvm_volume v;

	nameless.name = NULL;
	if (snapshot_image(&v, origin, &nameless) < 0 || want->dry_run)
		return NULL;
	s = snapshot_new(sizeof(*s), &ops);
	made = volume_name_of(&v);
	if (!s) {
		remove_remains(&made, v.own_uuid);
		lvm_volume_fini(&v);
		return NULL;
	}
	s->volume = made;
	memcpy(s->uuid, v.own_uuid, sizeof(s->uuid));
	s->base.name = strdup(s->volume.name);
	s->base.image = open_snapshot_image(origin->place->policy, &v);
	if (s->base.image && start_watch(s, &v, want->autoextend) == 0) {
		lvm_volume_fini(&v);
		return &s->base;
	}
	lvm_volume_fini(&v);
	snapshot_drop(&s->base);
	return NULL;
}

int volume_snapshot_keep(char **path, struct image *origin, const struct snapshot_want *want)
{
	struct volume_name name = volume_image_name(origin);
	struct snapshot_want named = *want;
	char *own = NULL, text[VOLUME_PATH_MAX];
	struct lvm_volume v;
	int r = -1;

	if (!want->name)
		named.name = own = choose_kept_name(&name);
	if (!named.name)
		return -1;
	if (snapshot_image(&v, origin, &named) == 0) {
		lvm_volume_fini(&v);
		snprintf(name.name, sizeof(name.name), "%s", named.name);
		*path = strdup(volume_path(&name, text));
		r = *path ? 0 : err_set(ST_FAILED, "out of memory");
	}
	free(own);
	return r;
}
