/*
 * volume_search: one report of LVM for all groups that are to be searched.
 */
#include "lib/store/volume/volume_search.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/lvm/dm.h"
#include "lib/store/dependents.h"
#include "lib/store/volume/volume_place.h"

/* A read from it would wait until it is resumed.  Only root can find that out. */
static bool is_suspended(int fd)
{
	struct dm_state state;
	struct stat st;
	bool is = fstat(fd, &st) == 0 && dm_state(st.st_rdev, &state) == 0 &&
		  (state.is_suspended || dm_lies_on_suspended(st.st_rdev) > 0);

	err_clear();
	return is;
}

int volume_search_peek(const struct place *base)
{
	const struct place_volume *p = (const struct place_volume *)base;
	int fd = open(base->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_sys("cannot open");
	if (volume_has_name(fd, &p->volume) && !is_suspended(fd))
		return fd;
	close(fd);
	return err_set(ST_BUSY, "is suspended, or was replaced while it was opened");
}

int volume_search(const struct place *p, struct dependents *d)
{
	return dependents_add_group(d, ((const struct place_volume *)p)->volume.group);
}

static bool is_group_of_chain(const struct dependents *d, const char *group)
{
	const char *name;
	size_t at = 0;

	while ((name = dependents_next_group(d, &at)))
		if (strcmp(name, group) == 0)
			return true;
	return false;
}

static bool is_group_allowed(const struct policy *policy, const char *group)
{
	bool is = policy_is_narrow(policy) && policy_allow_group(policy, group) == 0;

	err_clear();
	return is;
}

/* What a job creates is no image yet, and an invalid snapshot no longer. */
static bool is_candidate(const struct lvm_volume *v)
{
	char *run = lvm_tag(v, VOLUME_TAG_RUN);
	bool is = !run && v->is_visible && !v->is_pool && !v->is_invalid;

	free(run);
	return is;
}

static int search_volume(struct dependents *d, const struct lvm_volume *v)
{
	const struct volume_name name = volume_name_of(v);
	char path[VOLUME_PATH_MAX];
	struct stat st = { .st_mode = S_IFBLK };
	struct err e;
	int fd, r;

	volume_path(&name, path);
	if (!v->is_active)
		return dependents_skip(d, path, &st, "it is not active");
	fd = volume_open(v, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		err_take(&e);
		return dependents_skip(d, path, &st, e.text);
	}
	r = is_suspended(fd) ? dependents_skip(d, path, &st, "it is suspended")
			     : dependents_look(d, fd, path, path);
	close(fd);
	return r;
}

static int search_volumes(
	struct dependents *d, const struct policy *policy, const struct lvm_list *all)
{
	const struct lvm_volume *v;
	char path[VOLUME_PATH_MAX];
	struct volume_name group = { .name = "" };
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < all->count; i++) {
		v = &all->volume[i];
		if (!is_candidate(v) ||
			!(is_group_of_chain(d, v->group) || is_group_allowed(policy, v->group)))
			continue;
		if (strcmp(v->group, group.group) != 0) {
			memcpy(group.group, v->group, sizeof(group.group));
			dependents_begin(d, volume_path(&group, path));
		}
		if (dependents_count(d))
			r = search_volume(d, v);
	}
	return r;
}

/* The groups cannot be searched, for the recorded reason.  name is one of them. */
static int skip_groups(struct dependents *d, const char *name)
{
	struct volume_name group = { .name = "" };
	char path[VOLUME_PATH_MAX];
	struct err e;

	if (dependents_image(d)->backend == &backend_volume)
		return err_wrap("cannot check whether other volumes need it");
	err_take(&e);
	snprintf(group.group, sizeof(group.group), "%s", name);
	return dependents_skip(d, volume_path(&group, path), NULL, e.text);
}

int volume_search_allowed(const struct policy *policy, struct dependents *d)
{
	const struct policy *roots = policy_roots(policy);
	size_t at = 0, allowed = roots->limited ? roots->group_count : 0;
	const char *group = dependents_next_group(d, &at), *only;
	struct lvm_list all;
	int r;

	if (!group && (!allowed || !lvm_is_there()))
		return 0;
	only = allowed || dependents_next_group(d, &at) ? NULL : group;
	if (lvm_volumes(&all, only, NULL, false) < 0)
		return skip_groups(d, group ? group : roots->group[0]);
	r = search_volumes(d, policy, &all);
	lvm_list_fini(&all);
	return r;
}
