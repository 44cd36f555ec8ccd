/*
 * repair: LVM suspends an origin, and loads new tables, which become active when it resumes
 * the devices.  If it is killed in between, processes that write to the origin hang.
 *
 * The new table of the origin must not become active: it leads to a device that may have no
 * table yet, and writers would get errors.  So each device is resumed with its old table.
 * Devices that never had a table, and parts that nothing uses, are removed.  A refresh then
 * brings the kernel in line with what LVM has recorded.
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
#define ROUNDS 8	      /* the maximum depth of devices on top of each other */

/*
 * The order: a device after those that it is built on, all parts before any volume, and
 * origins after their snapshots.  Else the kernel can wait for ever: to resume a snapshot, it
 * first completes all writes to the origin, and these may wait for the copy-on-write device of
 * this or another snapshot.
 */
enum pass { FORGET, PARTS, VOLUMES, ORIGINS, REST, REMOVE };

struct repair {
	const char *group;
	bool dry_run;
	enum pass pass;
	unsigned changed;
	repair_each *each;
	void *arg;
};

/* Takes LVM's lock on the group.  The descriptor, or -1: a running LVM has it. */
static int lock_group(const char *group)
{
	char path[sizeof(LOCKS) + 8 + LVM_NAME_MAX];

	snprintf(path, sizeof(path), LOCKS "/V_%s", group);
	return io_lock_file(path);
}

/* Whether a device belongs to the group, by its name: GROUP, hyphens doubled, and one hyphen. */
static bool has_group(const char *device, const char *group)
{
	for (; *group; group++) {
		if (*device++ != *group || (*group == '-' && *device++ != '-'))
			return false;
	}
	return device[0] == '-' && device[1] != '-';
}

/* 1: the device belongs to the group, and *state; 0: it does not, or was removed. */
static int get_group_state(
	const struct repair *m, const struct dm_id *id, dev_t dev, struct dm_state *state)
{
	if (strncmp(id->uuid, "LVM-", 4) != 0 || !has_group(id->name, m->group))
		return 0;
	if (dm_state(dev, state) == 0)
		return 1;
	err_clear();
	return 0;
}

static int forget_new_table(void *arg, const struct dm_id *id, dev_t dev)
{
	struct repair *m = arg;
	struct dm_state state;

	if (get_group_state(m, id, dev, &state) && state.has_table && state.has_next &&
		dm_forget_next(dev) < 0)
		err_clear(); /* then it is resumed with the new table */
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

/* Resumes the device if it is its turn.  1: resumed; 0: not yet; -1 recorded. */
static int try_resume(const struct repair *m, const struct dm_id *id, dev_t dev)
{
	int r;

	if ((m->pass == PARTS && dm_is_volume(id)) || (m->pass == VOLUMES && is_origin(dev)))
		return 0;
	r = dm_lies_on_suspended(dev);
	if (r > 0)
		r = err_set(ST_FAILED, "'%s' is built on a suspended device", id->name);
	if (r == 0 && dm_resume(dev) == 0)
		return 1;
	if (m->pass == REST)
		return -1;
	err_clear(); /* a later pass tries again */
	return 0;
}

static int resume_device(void *arg, const struct dm_id *id, dev_t dev)
{
	struct repair *m = arg;
	char group[DM_TEXT_MAX], name[DM_TEXT_MAX];
	struct dm_state state;
	int r;

	if (!get_group_state(m, id, dev, &state) || !state.has_table || !state.is_suspended)
		return 0;
	r = m->dry_run ? 1 : try_resume(m, id, dev);
	if (r == 0)
		return 0;
	if (r > 0)
		m->changed++;
	/* A part of a volume is suspended with the volume, and not reported. */
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

/* Whether it is the data of an origin, or the copy-on-write space of a snapshot. */
static bool is_part(const struct dm_id *id)
{
	const char *end = strrchr(id->uuid, '-');

	return strcmp(end, "-real") == 0 || strcmp(end, "-cow") == 0;
}

static int remove_unused(void *arg, const struct dm_id *id, dev_t dev)
{
	struct repair *m = arg;
	struct dm_state state;

	if (!get_group_state(m, id, dev, &state) || (state.has_table && !is_part(id)))
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
		[FORGET] = forget_new_table,
		[PARTS] = resume_device,
		[VOLUMES] = resume_device,
		[ORIGINS] = resume_device,
		[REST] = resume_device,
		[REMOVE] = remove_unused,
	};
	struct repair m = { .group = group, .dry_run = dry_run, .each = each, .arg = arg };
	int r = 0, i, lock = lock_group(group);

	if (lock < 0)
		return 0;
	if (dry_run)
		r = dm_each(resume_device, &m);
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

/* Refreshes a volume that is an origin in the kernel, but no longer in LVM. */
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
	return repair_group(
		group, false, NULL, NULL); /* again, since udev may have had some open */
}
