/*
 * volume_clean: leftovers are recognised by the job's tag only, never by the name or type of
 * a volume, since a killed lvcreate may leave a volume of another type.
 *
 * A group that has leftovers may also have suspended volumes (lib/lvm/repair.h); they are
 * resumed first.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/base/run.h"
#include "lib/lvm/repair.h"
#include "lib/store/volume/volume_list.h"
#include "lib/store/volume/volume_place.h"
#include "lib/store/volume/volume_resize_mark.h"

struct cleaning {
	const char *group;
	bool dry_run;
	backend_each *each;
	void *arg;
};

static int send_state(struct cleaning *c, const char *name, const char *state, const char *why,
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

static int send_resumed(void *arg, const char *name, bool works)
{
	return send_state(arg, name, works ? "resumed" : "failed", works ? NULL : err_text(),
		works ? ST_OK : err_status());
}

/* Asked again, since a snapshot of it may have been a leftover, too, and be removed already. */
static bool has_snapshots(const struct lvm_volume *v)
{
	struct lvm_volume now;
	bool has = v->is_origin;

	if (has && lvm_volume(&now, v->group, v->name) == 0) {
		has = now.is_origin;
		lvm_volume_fini(&now);
	}
	return has;
}

/*
 * Refuses what LVM would not remove, or only with what stands on it.  Of a leftover that is half
 * made, only LVM can tell.
 */
static int check_removable(const struct lvm_volume *v)
{
	if (has_snapshots(v))
		return err_set(ST_REFUSED, "has snapshots");
	if (volume_check_no_origin(v) < 0)
		return -1;
	if (!v->is_active || !v->is_visible)
		return 0;
	if (volume_place_refuse_open(v) < 0 && err_status() == ST_BUSY)
		return -1;
	err_clear();
	return 0;
}

static int remove_leftover(struct cleaning *c, const struct lvm_volume *v)
{
	const struct volume_name name = volume_name_of(v);
	int r = check_removable(v);

	if (r == 0 && !c->dry_run)
		r = volume_remove(&name, v->own_uuid);
	r = send_state(c, v->name, r < 0 ? "failed" : "removed", r < 0 ? err_text() : NULL,
		r < 0 ? err_status() : ST_OK);
	err_clear();
	return r;
}

/* Whether the volume of that snapshot is one of an unfinished resize that will use it. */
static bool is_awaited(
	const struct lvm_list *all, const struct lvm_volume *snapshot, const char *run)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (strcmp(all->volume[i].name, snapshot->origin) == 0)
			return volume_resize_mark_awaits(&all->volume[i], run);
	return false;
}

/*
 * The way back of a resize is only named: the same img-resize uses it and, if the volume has lost
 * its mark, it may be the only good copy.
 */
static int clean_way_back(
	struct cleaning *c, const struct lvm_list *all, const struct lvm_volume *v)
{
	char *run = lvm_tag(v, VOLUME_TAG_WAY_BACK);
	int r = 0;

	if (run && run_state(run) == RUN_ALIVE)
		r = send_state(c, v->name, "alive", "in use: its job is still running", ST_BUSY);
	else if (run)
		r = send_state(c, v->name, "foreign",
			run_state(run) == RUN_DEAD && !is_awaited(all, v, run)
				? "is the way back of a resize that nothing knows of any more: "
				  "look at the volume, then remove it with img-delete"
				: "is the way back of an unfinished resize: run that again",
			ST_REFUSED);
	free(run);
	return r;
}

static int clean_volume(struct cleaning *c, const struct lvm_volume *v, const char *run)
{
	switch (run_state(run)) {
	case RUN_DEAD:
		return remove_leftover(c, v);
	case RUN_ALIVE:
		return send_state(c, v->name, "alive", "in use: its job is still running", ST_BUSY);
	default:
		return send_state(
			c, v->name, "foreign", "a job of another host made it", ST_REFUSED);
	}
}

int volume_clean(const struct place *container, const char *shown, bool dry_run, backend_each *each,
	void *arg)
{
	const char *group = ((const struct place_volume *)container)->volume.group;
	struct cleaning c = { group, dry_run, each, arg };
	bool has_stale = false;
	struct lvm_list all;
	size_t i;
	char *run;
	int r = 0;

	(void)shown; /* volumes are called by their own names */
	if (!container->is_container)
		return err_set(ST_REFUSED, "is a volume, not a directory or volume group");
	if (lvm_volumes(&all, group, NULL, true) < 0)
		return -1;
	for (i = 0; r == 0 && i < all.count; i++) {
		run = lvm_tag(&all.volume[i], VOLUME_TAG_RUN);
		if (!run) {
			r = clean_way_back(&c, &all, &all.volume[i]);
			continue;
		}
		if (!has_stale && run_state(run) == RUN_DEAD) {
			has_stale = true;
			r = repair_group(group, dry_run, send_resumed, &c);
		}
		if (r == 0)
			r = clean_volume(&c, &all.volume[i], run);
		free(run);
	}
	lvm_list_fini(&all);
	if (r == 0 && has_stale && !dry_run)
		r = repair_refresh(group);
	return r;
}
