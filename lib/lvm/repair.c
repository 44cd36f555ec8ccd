/*
 * repair_group: what a killed LVM leaves half done in the kernel.
 *
 * It suspends an origin, on which everybody who writes then hangs, and loads
 * tables that count once it resumes.  Of those one must not count: the device
 * that it leads to may have no table yet, and the origin would give its writers
 * errors.  So each device keeps the table that worked, those that never had
 * one, or are parts of nothing, go, and what LVM has written down meanwhile it gets by a refresh.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/lvm/dm.h"
#include "lib/lvm/repair.h"
#include "lib/lvm/volume.h"

#define LOCKS "/run/lock/lvm" /* LVM's own */
#define ROUNDS 8	      /* as deep as devices lie upon each other */

/*
 * In which order: what others lie on before those, all parts before any volume, and
 * origins after their snapshots.  Else the kernel waits for ever: to resume a snapshot it
 * stops its origin until all that is written there is done, and that may wait for the
 * store of this snapshot or of another one.
 */
enum pass { FORGET, PARTS, VOLUMES, ORIGINS, REST, REMOVE };

struct mending {
	const char *group;
	bool dry_run;
	enum pass pass;
	unsigned changed;
	repair_each *each;
	void *arg;
};

/* LVM's lock on the group, or -1: an LVM has it, and is alive. */
static int lock_group(const char *group)
{
	char path[sizeof(LOCKS) + 8 + LVM_NAME_MAX];

	snprintf(path, sizeof(path), LOCKS "/V_%s", group);
	return io_lock_file(path);
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

static int forget_next(void *arg, const struct dm_id *id, dev_t dev)
{
	struct mending *m = arg;
	struct dm_state state;

	if (look(m, id, dev, &state) && state.has_table && state.has_next &&
		dm_forget_next(dev) < 0)
		err_clear(); /* it is resumed with that, then */
	return 0;
}

static bool is_origin(dev_t dev)
{
	char table[256];
	bool is = dm_table(dev, table, sizeof(table)) == 0 &&
		  strncmp(table, "snapshot-origin ", 16) == 0;

	err_clear();
	return is;
}

/* 1: resumed; 0: not yet; -1 recorded. */
static int resume_now(const struct mending *m, const struct dm_id *id, dev_t dev)
{
	int r;

	if ((m->pass == PARTS && dm_is_volume(id)) || (m->pass == VOLUMES && is_origin(dev)))
		return 0;
	r = dm_lies_on_suspended(dev);
	if (r > 0)
		r = err_set(ST_FAILED, "%s lies on what is suspended", id->name);
	if (r == 0 && dm_resume(dev) == 0)
		return 1;
	if (m->pass == REST)
		return -1;
	err_clear(); /* what it lies on may be resumed by then */
	return 0;
}

static int resume(void *arg, const struct dm_id *id, dev_t dev)
{
	struct mending *m = arg;
	char group[DM_TEXT_MAX], name[DM_TEXT_MAX];
	struct dm_state state;
	int r;

	if (!look(m, id, dev, &state) || !state.has_table || !state.is_suspended)
		return 0;
	r = m->dry_run ? 1 : resume_now(m, id, dev);
	if (r == 0)
		return 0;
	if (r > 0)
		m->changed++;
	/* A part of a volume, such as an origin's store, is suspended with it. */
	if (r > 0 && !dm_is_volume(id))
		return 0;
	if (!dm_split(id->name, group, name))
		snprintf(name, sizeof(name), "%s", id->name);
	if (!m->each)
		return r > 0 ? 0 : -1;
	r = m->each(m->arg, name, r > 0);
	if (r == 0)
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
		m->changed++;
	err_clear();
	return 0;
}

int repair_group(const char *group, bool dry_run, repair_each *each, void *arg)
{
	int (*const work[])(void *, const struct dm_id *, dev_t) = {
		[FORGET] = forget_next,
		[PARTS] = resume,
		[VOLUMES] = resume,
		[ORIGINS] = resume,
		[REST] = resume,
		[REMOVE] = remove_useless,
	};
	struct mending m = { .group = group, .dry_run = dry_run, .each = each, .arg = arg };
	int r = 0, i, lock = lock_group(group);

	if (lock < 0)
		return 0;
	if (dry_run)
		r = dm_each(resume, &m);
	for (m.pass = FORGET; r == 0 && !dry_run && m.pass <= REMOVE; m.pass++) {
		for (i = 0; r == 0 && i < ROUNDS; i++) {
			m.changed = 0;
			r = dm_each(work[m.pass], &m);
			if (m.changed == 0 || m.pass == REST)
				break;
		}
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

int repair_refresh(const char *group)
{
	char copy[LVM_NAME_MAX];

	snprintf(copy, sizeof(copy), "%s", group);
	if (dm_each(refresh_one, copy) < 0)
		return -1;
	return repair_group(group, false, NULL, NULL); /* udev had some open, maybe */
}
