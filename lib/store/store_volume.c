/*
 * store_volume: logical volumes by their names.  What is to be removed is
 * picked by its UUID, under LVM's own lock, with the conditions that were checked.
 */
#include "lib/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/inuse.h"
#include "lib/store/target_state.h"

static int look(const struct place *p, struct stat *st)
{
	return stat(p->path, st);
}

/* Whether anybody has it, or something depends on it. */
static int check_free(const struct lvm_volume *v)
{
	int fd, open;

	if (v->is_pool || !v->is_visible || v->is_merging)
		return volume_check_changeable(v);
	if (v->is_origin)
		return err_set(ST_REFUSED, "has snapshots");
	if (volume_check_lock_type(v->lock_type) < 0)
		return -1;
	if (volume_run_state(v) == RUN_ALIVE) /* who may have it closed for a moment */
		return err_set(ST_BUSY, "in use: a run is making it");
	if (!v->is_active)
		return 0;
	fd = volume_open(v, O_RDONLY | O_EXCL);
	if (fd < 0)
		return -1;
	open = volume_is_open_elsewhere(fd, 1);
	if (open > 0)
		open = inuse_explain_open(fd);
	close(fd);
	return open;
}

static int check(const struct place *p, struct lvm_volume *v)
{
	if (volume_look(v, &p->volume) < 0)
		return -1;
	if (check_free(v) == 0)
		return 0;
	lvm_volume_fini(v);
	return -1;
}

static int remove_volume(const struct place *p, const struct store_want *want)
{
	struct lvm_volume v;
	int r;

	if (check(p, &v) < 0)
		return -1;
	r = want->dry_run ? 0 : volume_remove(&p->volume, v.own_uuid);
	lvm_volume_fini(&v);
	return r;
}

/* LVM renames by name only, so what has it then may be another: 0, or -1 recorded. */
static int rename_back(
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
	return err_set(ST_BUSY, "was changed while it was looked at");
}

static int rename_volume(const struct place *p, const char *name, const struct store_want *want)
{
	const char *argv[] = { "lvrename", "-qq", p->volume.group, p->volume.name, name, NULL };
	struct volume_name other = p->volume;
	char uuid[sizeof(((struct lvm_volume *)0)->own_uuid)];
	struct lvm_volume v;
	int gone;

	if (!lvm_name_is_valid(name))
		return err_set(ST_USAGE, "'%s' is no name for a volume", name);
	if (check(p, &v) < 0)
		return -1;
	memcpy(uuid, v.own_uuid, sizeof(uuid));
	lvm_volume_fini(&v);
	snprintf(other.name, sizeof(other.name), "%s", name);
	gone = volume_is_gone(&other);
	if (gone == 0)
		return err_set(ST_EXISTS, "'%s' exists already", name);
	if (gone < 0 || want->dry_run)
		return gone < 0 ? -1 : 0;
	return lvm_change(argv) < 0 ? -1 : rename_back(&p->volume, &other, uuid);
}

const struct store_ops store_volume = {
	.has_files = false,
	.make = &target_volume_ops,
	.in_place = &target_volume_in_place_ops,
	.look = look,
	.remove = remove_volume,
	.rename = rename_volume,
};
