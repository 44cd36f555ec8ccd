/*
 * volume_backend: logical volumes in volume groups.  LVM selects the volume to be removed
 * by its UUID, under its own lock, so another volume that has got the name is safe.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/store/dependents.h"
#include "lib/store/volume/volume_describe.h"
#include "lib/store/volume/volume_held.h"
#include "lib/store/volume/volume_image.h"
#include "lib/store/volume/volume_list.h"
#include "lib/store/volume/volume_place.h"
#include "lib/store/volume/volume_resize.h"
#include "lib/store/volume/volume_search.h"
#include "lib/store/volume/volume_snapshot.h"
#include "lib/store/volume/volume_target.h"

static int identify_volume(const struct place *p, char out[IDENTITY_MAX])
{
	struct stat st;

	if (p->is_container || stat(p->path, &st) < 0)
		return -1;
	identity_of(&st, out);
	return 0;
}

static int describe_group(const struct place_volume *p, struct buf *out)
{
	struct lvm_groups group;

	if (lvm_groups(&group, p->volume.group) < 0)
		return -1;
	kv_add(out, "kind", "group");
	kv_add_bool(out, "unfinished", false);
	if (group.count == 1) {
		kv_add_u64(out, "size", group.group[0].size);
		kv_add_u64(out, "free", group.group[0].free);
	}
	lvm_groups_fini(&group);
	return 1;
}

/*
 * A pool has no content of its own.  An inactive volume has no device: it cannot be read, and is
 * not in use.
 */
static void describe_by_lvm(
	const struct lvm_volume *v, const struct place_volume *p, struct buf *out)
{
	kv_add(out, "kind", "volume");
	if (!v->is_pool)
		kv_add_bool(out, "inactive", true);
	kv_add_bool(out, "unfinished", volume_is_unfinished(v));
	volume_describe_size(v, out);
	kv_add_bool(out, "mounted", false);
	kv_add_bool(out, "in_use", false);
	volume_describe(v, p, out);
}

static int describe_unopened(const struct place *base, struct buf *out)
{
	const struct place_volume *p = (const struct place_volume *)base;
	struct lvm_volume v;
	int r;

	if (base->is_container)
		return describe_group(p, out);
	if (geteuid() != 0) /* what is known then, is known of the open device */
		return 0;
	if (volume_place_look(base, &v) < 0)
		return -1;
	r = v.is_pool || !v.is_active;
	if (r)
		describe_by_lvm(&v, p, out);
	lvm_volume_fini(&v);
	return r;
}

/* Refuses a volume that other volumes depend on, or whose state does not allow a change. */
static int refuse_state(const struct lvm_volume *v)
{
	if (v->is_pool || !v->is_visible || v->is_merging)
		return volume_check_changeable(v);
	if (v->is_origin)
		return err_set(ST_REFUSED, "has snapshots");
	if (volume_check_lock_type(v->lock_type) < 0)
		return -1;
	/* Checked by the tag, too, since the job may have it closed at this moment. */
	if (volume_run_state(v) == RUN_ALIVE)
		return err_set(ST_BUSY, "in use: a job is making it");
	return 0;
}

/* The same, and one that is in use. */
static int refuse_used(const struct lvm_volume *v)
{
	if (refuse_state(v) < 0)
		return -1;
	if (!v->is_active || v->is_pool || !v->is_visible || v->is_merging)
		return 0;
	return volume_place_refuse_open(v);
}

/* What LVM reports of a volume that may be renamed, for lvm_volume_fini(). */
static int look_renamable(const struct place *p, struct lvm_volume *v)
{
	if (volume_place_look(p, v) < 0)
		return -1;
	if (refuse_used(v) == 0)
		return 0;
	lvm_volume_fini(v);
	return -1;
}

static int remove_volume(const struct place *base, const struct change_want *want)
{
	const struct place_volume *p = (const struct place_volume *)base;
	struct lvm_volume v;
	int r;

	if (volume_place_look(base, &v) < 0)
		return -1;
	r = volume_check_no_origin(&v);
	if (r == 0)
		r = want->is_unneeded ? refuse_state(&v) : refuse_used(&v);
	if (r == 0 && !want->is_unneeded)
		r = dependents_refuse(base);
	if (r == 0 && !want->is_unneeded && !want->dry_run)
		r = volume_remove(&p->volume, v.own_uuid);
	lvm_volume_fini(&v);
	return r;
}

/*
 * LVM can rename only by name.  If another volume had got the name, it is renamed back.
 * 0, or -1 recorded.
 */
static int check_renamed(
	const struct volume_name *from, const struct volume_name *to, const char *uuid)
{
	const char *argv[] = { "lvrename", "-qq", from->group, to->name, from->name, NULL };
	struct lvm_volume v;
	int is;

	if (lvm_volume(&v, to->group, to->name) < 0)
		return -1;
	is = strcmp(v.own_uuid, uuid) == 0;
	lvm_volume_fini(&v);
	if (is)
		return 0;
	lvm_change(argv);
	return err_set(ST_BUSY, "was renamed or removed meanwhile");
}

static int rename_volume(const struct place *base, const char *name, const struct change_want *want)
{
	const struct place_volume *p = (const struct place_volume *)base;
	const char *argv[] = { "lvrename", "-qq", p->volume.group, p->volume.name, name, NULL };
	struct volume_name other = p->volume;
	char uuid[sizeof(((struct lvm_volume *)0)->own_uuid)];
	struct lvm_volume v;
	bool has_layers;
	int gone;

	snprintf(other.name, sizeof(other.name), "%s", name);
	if (volume_check_name(&other, false, ST_USAGE) < 0 || look_renamable(base, &v) < 0)
		return -1;
	memcpy(uuid, v.own_uuid, sizeof(uuid));
	has_layers = v.is_snapshot;
	lvm_volume_fini(&v);
	if (volume_check_name(&other, has_layers, ST_USAGE) < 0)
		return -1;
	if (strcmp(name, p->volume.name) == 0)
		return err_set(ST_REFUSED, "has that name already");
	gone = volume_is_gone(&other);
	if (gone == 0)
		return err_set(ST_EXISTS, "'%s' exists already", name);
	if (gone < 0 || dependents_refuse_rename(base) < 0)
		return -1;
	if (want->dry_run)
		return 0;
	return lvm_change(argv) < 0 ? -1 : check_renamed(&p->volume, &other, uuid);
}

const struct backend backend_volume = {
	.kind = "volume",
	.can_thin = true,
	.rounds_size = true,
	.can_snapshot = true,
	.find = volume_place_find,
	.child = volume_place_child,
	.beside = volume_place_child, /* it uses only the group of its argument */
	.identify = identify_volume,
	.describe = describe_unopened,
	.open = volume_image_open,
	.peek = volume_search_peek,
	.make = volume_target_make,
	.fill = volume_target_fill,
	.resize = volume_resize_open,
	.hold = volume_held_open,
	.check_hold = volume_held_check,
	.remove = remove_volume,
	.rename = rename_volume,
	.list = volume_list,
	.clean = volume_clean,
	.snapshot = volume_snapshot_prepare,
	.containers = volume_list_groups,
	.search = volume_search,
	.search_allowed = volume_search_allowed,
	.storage = volume_list_storage,
	.space = volume_image_space,
	.remember = volume_image_remember,
	.release = volume_place_release,
};
