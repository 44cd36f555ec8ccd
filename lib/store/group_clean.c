/*
 * group_clean: leftovers are known by the tag alone, never by a name or by what
 * kind of volume they seem to be: a killed lvcreate may leave a plain one.
 *
 * A group in which one is found may have suspended volumes, too, on which
 * everybody who writes hangs: if nobody holds LVM's lock on the group, the LVM
 * that suspended them is gone, and they are resumed first.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/base/run.h"
#include "lib/lvm/dm.h"
#include "lib/store/group.h"
#include "lib/store/volume.h"

#define LOCKS "/run/lock/lvm" /* LVM's own */

struct cleaning {
	const char *group;
	bool dry_run;
	group_each *each;
	void *arg;
};

static int tell(struct cleaning *c, const char *name, const char *state, const char *why,
	enum status status)
{
	struct buf record = BUF_INIT;
	int r;

	kv_add(&record, "kind", "volume");
	kv_addf(&record, "path", "/dev/%s/%s", c->group, name);
	kv_add(&record, "state", state);
	kv_add(&record, "why", why);
	kv_add_u64(&record, "status", (uint64_t)status);
	r = buf_failed(&record);
	if (r == 0)
		r = c->each(c->arg, &record);
	buf_fini(&record);
	return r;
}

/* LVM's lock on the group, or -1: an LVM has it, and is alive. */
static int lock_group(const char *group)
{
	char path[sizeof(LOCKS) + 8 + LVM_NAME_MAX];
	int fd;

	snprintf(path, sizeof(path), LOCKS "/V_%s", group);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return -1;
}

/* A part of a volume, such as an origin's store, is suspended with it. */
static int resume(void *arg, const struct dm_id *id, dev_t dev)
{
	char group[DM_TEXT_MAX], name[DM_TEXT_MAX];
	struct cleaning *c = arg;
	int r;

	if (strncmp(id->uuid, "LVM-", 4) != 0 || !dm_split(id->name, group, name) ||
		strcmp(group, c->group) != 0)
		return 0;
	r = c->dry_run ? 0 : dm_resume(dev);
	if (!dm_is_volume(id) && r == 0)
		return 0;
	r = tell(c, name, r < 0 ? "failed" : "resumed", r < 0 ? err_text() : NULL,
		r < 0 ? err_status() : ST_OK);
	err_clear();
	return r;
}

static int resume_all(struct cleaning *c)
{
	int r, lock = lock_group(c->group);

	if (lock < 0)
		return 0;
	r = dm_each_suspended(resume, c);
	close(lock);
	return r;
}

static int remove_one(struct cleaning *c, const struct lvm_volume *v)
{
	char which[128];
	const char *argv[] = { "lvremove", "-qq", "-y", "--select", which, v->group, NULL };
	struct lvm_volume now;
	int r;

	if (c->dry_run)
		return tell(c, v->name, "removed", NULL, ST_OK);
	snprintf(which, sizeof(which), "lv_uuid=%s && lv_role!=thickorigin", v->own_uuid);
	r = lvm_change(argv);
	if (r == 0 && lvm_volume(&now, v->group, v->name) == 0) {
		lvm_volume_fini(&now);
		r = err_set(ST_BUSY, "lvremove has left it");
	}
	r = tell(c, v->name, r < 0 ? "failed" : "removed", r < 0 ? err_text() : NULL,
		r < 0 ? err_status() : ST_OK);
	err_clear();
	return r;
}

static int judge(struct cleaning *c, const struct lvm_volume *v, const char *run)
{
	switch (run_state(run)) {
	case RUN_DEAD:
		return remove_one(c, v);
	case RUN_ALIVE:
		return tell(c, v->name, "alive", "in use: its run lives", ST_BUSY);
	default:
		return tell(c, v->name, "foreign", "another host's run made it", ST_REFUSED);
	}
}

static int clean_group(void *arg, const char *group)
{
	struct cleaning *c = arg;
	bool has_resumed = false;
	struct lvm_list all;
	size_t i;
	char *run;
	int r = 0;

	c->group = group;
	if (lvm_volumes(&all, group, NULL, true) < 0)
		return -1;
	for (i = 0; r == 0 && i < all.count; i++) {
		run = lvm_tag(&all.volume[i], VOLUME_TAG_RUN);
		if (!run)
			continue;
		if (!has_resumed && run_state(run) == RUN_DEAD) {
			has_resumed = true;
			r = resume_all(c);
		}
		if (r == 0)
			r = judge(c, &all.volume[i], run);
		free(run);
	}
	lvm_list_fini(&all);
	return r;
}

int group_clean(
	const struct limits *l, const char *group, bool dry_run, group_each *each, void *arg)
{
	struct cleaning c = { NULL, dry_run, each, arg };

	return group ? clean_group(&c, group) : group_each_name(l, clean_group, &c);
}
