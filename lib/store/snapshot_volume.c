/*
 * snapshot_volume: snapshots by lvcreate.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/lvm/dm.h"
#include "lib/store/group.h"
#include "lib/store/snapshot.h"

static int check_origin(const struct lvm_volume *v)
{
	if (v->is_pool || !v->is_visible)
		return err_set(ST_REFUSED, "is one that LVM keeps for itself");
	if (v->is_snapshot)
		return err_set(ST_REFUSED, "is a snapshot, and LVM makes none of a thick one");
	if (v->is_merging)
		return err_set(ST_REFUSED, "is being merged");
	if (!v->is_active)
		return err_set(ST_FAILED, "is not active (see lvchange -ay)");
	return volume_check_lock_type(v->lock_type);
}

/* The room of a thick one, whole extents; or that its group has not so much. */
static int find_room(const struct lvm_volume *v, const struct snapshot_want *want, uint64_t *out)
{
	unsigned percent = want->percent ? want->percent : SNAPSHOT_PERCENT;
	uint64_t size = want->size ? want->size : v->size / 100 * percent;

	if (!v->extent_size)
		return err_set(ST_FAILED, "LVM does not tell of its group");
	*out = size ? ((size - 1) / v->extent_size + 1) * v->extent_size : v->extent_size;
	if (*out > v->group_free)
		return err_set(ST_NOROOM,
			"a snapshot needs %llu bytes, and group '%s' has %llu left",
			(unsigned long long)*out, v->group, (unsigned long long)v->group_free);
	return 0;
}

/* One for a run is named after its origin and the process, as far as there is room. */
static void choose_name(struct volume_name *out, const struct lvm_volume *v, const char *wanted)
{
	char end[64];

	memcpy(out->group, v->group, sizeof(out->group));
	if (wanted) {
		snprintf(out->name, sizeof(out->name), "%s", wanted);
		return;
	}
	snprintf(end, sizeof(end), ".img-tools-%llx-%ld", (unsigned long long)time(NULL),
		(long)getpid());
	snprintf(out->name, sizeof(out->name), "%.*s%s",
		(int)(sizeof(out->name) - 20 - strlen(end)), v->name, end);
}

static int run_lvcreate(const struct lvm_volume *v, const struct volume_name *name,
	const struct snapshot_want *want, uint64_t room)
{
	char size[32], origin[VOLUME_PATH_MAX], tag[VOLUME_RUN_TAG_MAX];
	const char *argv[16] = { "lvcreate", "-qq", "-y", "-s", "--addtag", tag, "-n", name->name };
	int i = 8;

	if (volume_run_tag(tag) < 0)
		return -1;
	snprintf(origin, sizeof(origin), "%s/%s", v->group, v->name);
	snprintf(size, sizeof(size), "%llub", (unsigned long long)room);
	if (!want->name)
		argv[i++] = "-pr";
	argv[i++] = v->is_thin ? "-kn" : "-L"; /* thin ones are skipped by activation, else */
	if (!v->is_thin)
		argv[i++] = size;
	argv[i++] = origin;
	argv[i] = NULL;
	return lvm_change(argv);
}

/* Whatever of it lvcreate had made before it failed. */
static void remove_rest(const struct volume_name *name)
{
	struct err e;

	err_take(&e);
	group_mend(name->group, false, NULL, NULL);
	if (volume_remove_own(name) == 0)
		group_mend_refresh(name->group);
	err_put(&e);
}

/* One that stays is the run's only until it is whole. */
static int untag(const struct lvm_volume *v)
{
	char tag[VOLUME_RUN_TAG_MAX];

	return volume_run_tag(tag) < 0 ? -1 : volume_set_tag(v->group, v->own_uuid, tag, false);
}

static int make(
	struct lvm_volume *out, const struct lvm_volume *v, const struct snapshot_want *want)
{
	struct volume_name name;
	uint64_t room = 0;
	int gone;

	choose_name(&name, v, want->name);
	if (!lvm_name_is_valid(name.name))
		return err_set(ST_USAGE, "'%s' is no name for a volume", name.name);
	if (want->name) {
		gone = volume_is_gone(&name);
		if (gone <= 0)
			return gone < 0 ? -1 : err_set(ST_EXISTS, "'%s' exists already", name.name);
	}
	if (!v->is_thin && find_room(v, want, &room) < 0)
		return -1;
	if (want->dry_run)
		return 0;
	if (run_lvcreate(v, &name, want, room) == 0 &&
		lvm_volume(out, name.group, name.name) == 0) {
		if (!want->name || untag(out) == 0)
			return 0;
		lvm_volume_fini(out);
	}
	remove_rest(&name);
	return -1;
}

int snapshot_volume_make(
	struct lvm_volume *out, const struct volume_name *origin, const struct snapshot_want *want)
{
	struct lvm_volume v;
	int r;

	memset(out, 0, sizeof(*out));
	if (volume_look(&v, origin) < 0)
		return -1;
	r = check_origin(&v);
	if (r == 0)
		r = make(out, &v, want);
	lvm_volume_fini(&v);
	return r;
}

/* Of one snapshot: all of its origin may be overwritten. */
static int check_room(const struct lvm_volume *v, const struct lvm_volume *origin)
{
	struct dm_fill fill;
	struct stat st;
	int fd, r = 0;

	if (!v->is_snapshot || v->is_invalid || strcmp(v->origin, origin->name) != 0)
		return 0;
	fd = volume_open(v, O_RDONLY);
	if (fd >= 0 && fstat(fd, &st) == 0 && dm_snapshot_fill(st.st_rdev, &fill) == 0 &&
		!fill.invalid && dm_snapshot_may_overflow(&fill, origin->size))
		r = err_set(ST_NOROOM,
			"its snapshot '%s' has not room enough to keep what would be overwritten "
			"(see lvextend, lvremove)",
			v->name);
	else
		err_clear();
	if (fd >= 0)
		close(fd);
	return r;
}

int snapshot_volume_check_room(const struct lvm_volume *origin)
{
	struct lvm_list all;
	size_t i;
	int r = 0;

	if (!origin->is_origin)
		return 0;
	if (lvm_volumes(&all, origin->group, NULL, false) < 0)
		return -1;
	for (i = 0; r == 0 && i < all.count; i++)
		r = check_room(&all.volume[i], origin);
	lvm_list_fini(&all);
	return r;
}
