/*
 * group_clean: leftovers are known by the tag alone, never by a name or by what
 * kind of volume they seem to be: a killed lvcreate may leave a plain one.
 *
 * A group in which one is found may have suspended volumes, too (group_mend.c);
 * they are resumed first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/base/run.h"
#include "lib/store/group.h"
#include "lib/store/volume.h"

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

static int tell_resumed(void *arg, const char *name, bool works)
{
	return tell(arg, name, works ? "resumed" : "failed", works ? NULL : err_text(),
		works ? ST_OK : err_status());
}

static int remove_one(struct cleaning *c, const struct lvm_volume *v)
{
	const struct volume_name name = volume_name_of(v);
	int r = c->dry_run ? 0 : volume_remove(&name, v->own_uuid);

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
	bool has_dead = false;
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
		if (!has_dead && run_state(run) == RUN_DEAD) {
			has_dead = true;
			r = group_mend(group, c->dry_run, tell_resumed, c);
		}
		if (r == 0)
			r = judge(c, &all.volume[i], run);
		free(run);
	}
	lvm_list_fini(&all);
	if (r == 0 && has_dead && !c->dry_run)
		r = group_mend_refresh(group);
	return r;
}

int group_clean(
	const struct limits *l, const char *group, bool dry_run, group_each *each, void *arg)
{
	struct cleaning c = { NULL, dry_run, each, arg };

	return group ? clean_group(&c, group) : group_each_name(l, clean_group, &c);
}
