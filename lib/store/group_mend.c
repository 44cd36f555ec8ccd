/*
 * group_mend: what a killed LVM leaves half done in the kernel.
 *
 * It suspends an origin, on which everybody who writes then hangs, and loads
 * tables that count once it resumes.  Of those one must not count: the device
 * that it leads to may have no table yet, and the origin would give its writers
 * errors.  So each device keeps the table that worked, those that never had
 * one, or are parts of nothing, go, and what LVM has written down meanwhile it gets by a refresh.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/lvm/dm.h"
#include "lib/store/group.h"
#include "lib/store/volume.h"

#define LOCKS "/run/lock/lvm" /* LVM's own */
#define REMOVE_ROUNDS 8	      /* as deep as devices lie upon each other */

struct mending {
	const char *group;
	bool dry_run;
	unsigned removed;
	group_mended *each;
	void *arg;
};

/* LVM's lock on the group, or -1: an LVM has it, and is alive. */
static int lock_group(const char *group)
{
	char path[sizeof(LOCKS) + 8 + LVM_NAME_MAX];
	struct stat held, named;
	int fd;

	snprintf(path, sizeof(path), LOCKS "/V_%s", group);
	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			break;
		/* LVM removes it when it is done with it. */
		if (fstat(fd, &held) == 0 && stat(path, &named) == 0 &&
			held.st_ino == named.st_ino && held.st_dev == named.st_dev)
			return fd;
		close(fd);
	}
	close(fd);
	return -1;
}

/* Whether the device is the group's, by the name: the group's, its hyphens doubled, and one. */
static bool has_group(const char *device, const char *group)
{
	for (; *group; group++) {
		if (*device++ != *group || (*group == '-' && *device++ != '-'))
			return false;
	}
	return device[0] == '-' && device[1] != '-';
}

/* 1: it is the group's, and *state is its; 0: it is not, or is gone. */
static int look(const struct mending *m, const struct dm_id *id, dev_t dev, struct dm_state *state)
{
	if (strncmp(id->uuid, "LVM-", 4) != 0 || !has_group(id->name, m->group))
		return 0;
	if (dm_state(dev, state) == 0)
		return 1;
	err_clear();
	return 0;
}

static int resume(void *arg, const struct dm_id *id, dev_t dev)
{
	struct mending *m = arg;
	char group[DM_TEXT_MAX], name[DM_TEXT_MAX];
	struct dm_state state;
	int r = 0;

	if (!look(m, id, dev, &state) || !state.has_table)
		return 0;
	if (state.has_next && !m->dry_run)
		r = dm_forget_next(dev);
	if (state.is_suspended && !m->dry_run && r == 0)
		r = dm_resume(dev);
	/* A part of a volume, such as an origin's store, is suspended with it. */
	if (r == 0 && (!state.is_suspended || !dm_is_volume(id)))
		return 0;
	if (!dm_split(id->name, group, name))
		snprintf(name, sizeof(name), "%s", id->name);
	r = m->each ? m->each(m->arg, name, r == 0) : r;
	err_clear();
	return r;
}

/* An origin's store, or a snapshot's: who uses it has it open. */
static bool is_part(const struct dm_id *id)
{
	const char *end = strrchr(id->uuid, '-');

	return strcmp(end, "-real") == 0 || strcmp(end, "-cow") == 0;
}

static int remove_useless(void *arg, const struct dm_id *id, dev_t dev)
{
	struct mending *m = arg;
	struct dm_state state;

	if (!look(m, id, dev, &state) || (state.has_table && !is_part(id)))
		return 0;
	if (!state.has_table && state.has_next && dm_forget_next(dev) < 0)
		err_clear();
	if (state.opens == 0 && dm_remove(dev) == 0)
		m->removed++;
	err_clear();
	return 0;
}

int group_mend(const char *group, bool dry_run, group_mended *each, void *arg)
{
	struct mending m = { group, dry_run, 0, each, arg };
	int r, i, lock = lock_group(group);

	if (lock < 0)
		return 0;
	r = dm_each(resume, &m);
	for (i = 0; r == 0 && !dry_run && i < REMOVE_ROUNDS; i++) {
		m.removed = 0;
		r = dm_each(remove_useless, &m);
		if (m.removed == 0)
			break;
	}
	close(lock);
	return r;
}

/* An origin in the kernel that is none any more for LVM. */
static int refresh_one(void *arg, const struct dm_id *id, dev_t dev)
{
	char group[DM_TEXT_MAX], name[DM_TEXT_MAX], table[256], what[VOLUME_PATH_MAX];
	const char *argv[] = { "lvchange", "-qq", "--refresh", what, NULL };
	struct lvm_volume v;

	if (!dm_is_volume(id) || !dm_split(id->name, group, name) || strcmp(group, arg) != 0)
		return 0;
	if (dm_table(dev, table, sizeof(table)) < 0 ||
		strncmp(table, "snapshot-origin ", 16) != 0 || lvm_volume(&v, group, name) < 0) {
		err_clear();
		return 0;
	}
	snprintf(what, sizeof(what), "%s/%s", group, name);
	if (!v.is_origin && lvm_change(argv) < 0)
		err_clear();
	lvm_volume_fini(&v);
	return 0;
}

int group_mend_refresh(const char *group)
{
	char copy[LVM_NAME_MAX];

	snprintf(copy, sizeof(copy), "%s", group);
	if (dm_each(refresh_one, copy) < 0)
		return -1;
	return group_mend(group, false, NULL, NULL); /* udev had some open, maybe */
}
