/*
 * volume_list: one report of LVM for all volumes of a group.  A volume that cannot be
 * opened gets a short record with the error.
 */
#include "lib/store/volume/volume_list.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/base/kv.h"
#include "lib/base/log.h"
#include "lib/store/info.h"
#include "lib/store/volume/volume_describe.h"
#include "lib/store/volume/volume_place.h"

static bool is_allowed(const struct policy *policy, const char *group)
{
	bool is = policy_allow_group(policy, group) == 0;

	if (!is)
		err_clear();
	return is;
}

/* Whether LVM can be asked at all, and the policy allows any group. */
static bool can_have_groups(const struct policy *policy)
{
	const struct policy *roots = policy_roots(policy);

	if (!lvm_is_there() || (roots->limited && !roots->group_count))
		return false;
	if (geteuid() == 0)
		return true;
	log_note("volume groups are left out: LVM needs root (%s)", hint_sudo());
	return false;
}

static int each_allowed_group(
	const struct policy *policy, int (*each)(void *arg, const struct lvm_group *g), void *arg)
{
	struct lvm_groups all;
	size_t i;
	int r = 0;

	if (!can_have_groups(policy))
		return 0;
	if (lvm_groups(&all, NULL) < 0)
		return -1;
	for (i = 0; r == 0 && i < all.count; i++)
		if (is_allowed(policy, all.group[i].name))
			r = each(arg, &all.group[i]);
	lvm_groups_fini(&all);
	return r;
}

struct group_walk {
	const struct policy *policy;
	each_container *each;
	void *arg;
};

static int pass_group(void *arg, const struct lvm_group *g)
{
	const struct group_walk *w = arg;
	struct volume_name name = { .name = "" };
	char path[VOLUME_PATH_MAX];
	struct place *p;
	int r;

	memcpy(name.group, g->name, sizeof(name.group));
	volume_path(&name, path);
	p = volume_place_of(w->policy, &name);
	r = w->each(w->arg, path, p);
	place_close(p);
	return r;
}

int volume_list_groups(const struct policy *policy, each_container *each, void *arg)
{
	struct group_walk w = { .policy = policy, .each = each, .arg = arg };

	return each_allowed_group(policy, pass_group, &w);
}

/* What LVM reports of a volume that cannot be opened, and the recorded reason. */
static void add_unopened_volume(struct buf *out, const struct lvm_volume *v, const char *path)
{
	struct err e;

	err_take(&e);
	buf_clear(out);
	kv_add(out, "path", path);
	kv_add(out, "name", v->name);
	kv_add(out, "kind", "volume");
	volume_describe_size(v, out);
	kv_add_bool(out, "unfinished", volume_is_unfinished(v));
	kv_add(out, "error", e.text);
	kv_add_u64(out, "status", (uint64_t)e.status);
}

static int compare_volumes(const void *a, const void *b)
{
	return strcmp(((const struct lvm_volume *)a)->name, ((const struct lvm_volume *)b)->name);
}

/* The record of a volume of the report.  0, or -1 recorded: out of memory. */
static int add_record(struct buf *out, const struct policy *policy, const struct lvm_list *all,
	size_t i, bool open)
{
	const struct lvm_volume *v = &all->volume[i];
	const struct volume_name name = volume_name_of(v);
	struct place *place = volume_place_of(policy, &name);
	struct place_volume *p = (struct place_volume *)place;
	char path[VOLUME_PATH_MAX];

	if (!place)
		return -1;
	p->known = v;
	p->all = all;
	p->known_open = open;
	if (info_collect(place, NULL, out) < 0)
		add_unopened_volume(out, v, volume_path(&name, path));
	err_clear();
	return buf_failed(out);
}

int volume_list(const struct place *container, bool recursive, backend_each *each, void *arg)
{
	const char *group = ((const struct place_volume *)container)->volume.group;
	struct buf record = BUF_INIT;
	struct lvm_list all;
	bool *open;
	size_t i;
	int r;

	(void)recursive; /* there is nothing below a volume */
	if (!container->is_container)
		return err_set(ST_REFUSED, "is a volume, not a directory or volume group");
	if (lvm_volumes(&all, group, NULL, false) < 0)
		return -1;
	qsort(all.volume, all.count, sizeof(*all.volume), compare_volumes);
	open = calloc(all.count + 1, sizeof(*open));
	r = open ? volume_which_are_open(&all, open) : err_set(ST_FAILED, "out of memory");
	for (i = 0; r == 0 && i < all.count; i++) {
		if (!all.volume[i].is_visible)
			continue;
		buf_clear(&record);
		r = add_record(&record, container->policy, &all, i, open[i]);
		if (r == 0)
			r = each(arg, &record);
	}
	buf_fini(&record);
	free(open);
	lvm_list_fini(&all);
	return r;
}

static void add_fraction(struct buf *out, const char *key, double value)
{
	if (value >= 0)
		kv_addf(out, key, "%.6f", value);
}

static int send_pools(const char *group, backend_each *each, void *arg)
{
	struct buf record = BUF_INIT;
	struct lvm_list all;
	size_t i;
	int r = 0;

	/* The other groups are still told. */
	if (lvm_volumes(&all, group, NULL, false) < 0) {
		log_warn("warning: the pools of group '%s' are not known: %s", group, err_text());
		err_clear();
		return 0;
	}
	for (i = 0; r == 0 && i < all.count; i++) {
		const struct lvm_volume *v = &all.volume[i];

		if (!v->is_pool)
			continue;
		buf_clear(&record);
		kv_add(&record, "kind", "pool");
		kv_add(&record, "group", v->group);
		kv_add(&record, "name", v->name);
		kv_add_u64(&record, "size", v->size);
		add_fraction(&record, "data_used", v->used);
		add_fraction(&record, "metadata_used", v->meta_used);
		r = buf_failed(&record);
		if (r == 0)
			r = each(arg, &record);
	}
	buf_fini(&record);
	lvm_list_fini(&all);
	return r;
}

struct storage_walk {
	backend_each *each;
	void *arg;
};

static int send_group(void *arg, const struct lvm_group *g)
{
	const struct storage_walk *w = arg;
	struct buf record = BUF_INIT;
	int r;

	kv_add(&record, "kind", "group");
	kv_add(&record, "name", g->name);
	kv_addf(&record, "path", "/dev/%s", g->name);
	kv_add_u64(&record, "size", g->size);
	kv_add_u64(&record, "free", g->free);
	kv_add_u64(&record, "extent_size", g->extent_size);
	r = buf_failed(&record);
	if (r == 0)
		r = w->each(w->arg, &record);
	if (r == 0)
		r = send_pools(g->name, w->each, w->arg);
	buf_fini(&record);
	return r;
}

int volume_list_storage(const struct policy *policy, backend_each *each, void *arg)
{
	struct storage_walk w = { each, arg };

	return each_allowed_group(policy, send_group, &w);
}
