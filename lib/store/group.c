/*
 * group: see group.h.  A volume that cannot be opened fails nobody else.
 */
#include "lib/store/group.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/store/info.h"
#include "lib/store/volume.h"

static bool is_allowed(const struct limits *l, const char *group)
{
	bool is = limits_allow_group(l, group) == 0;

	if (!is)
		err_clear();
	return is;
}

bool group_are_any(const struct limits *l)
{
	const struct limits *roots = limits_roots(l);

	return geteuid() == 0 && lvm_is_there() && (!roots->limited || roots->group_count);
}

static int each_allowed(
	const struct limits *l, int (*each)(void *arg, const struct lvm_group *g), void *arg)
{
	struct lvm_groups all;
	size_t i;
	int r = 0;

	if (!group_are_any(l))
		return 0;
	if (lvm_groups(&all, NULL) < 0)
		return -1;
	for (i = 0; r == 0 && i < all.count; i++)
		if (is_allowed(l, all.group[i].name))
			r = each(arg, &all.group[i]);
	lvm_groups_fini(&all);
	return r;
}

struct naming {
	int (*each)(void *arg, const char *group);
	void *arg;
};

static int pass_name(void *arg, const struct lvm_group *g)
{
	const struct naming *n = arg;

	return n->each(n->arg, g->name);
}

int group_each_name(const struct limits *l, int (*each)(void *arg, const char *group), void *arg)
{
	struct naming n = { each, arg };

	return each_allowed(l, pass_name, &n);
}

/* What LVM alone can say of a volume, and why there is no more. */
static void poor_record(struct buf *out, const struct lvm_volume *v, const char *path)
{
	struct err e;

	err_take(&e);
	buf_clear(out);
	kv_add(out, "path", path);
	kv_add(out, "name", v->name);
	kv_add(out, "kind", "volume");
	kv_add_u64(out, "capacity", v->size);
	kv_add_u64(out, "physical", v->size);
	kv_add_bool(out, "unfinished", volume_is_unfinished(v));
	kv_add(out, "error", e.text);
	kv_add_u64(out, "status", (uint64_t)e.status);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct lvm_volume *)a)->name, ((const struct lvm_volume *)b)->name);
}

int group_list(const struct limits *l, const char *group, group_each *each, void *arg)
{
	struct volume_name name;
	struct buf record = BUF_INIT;
	char path[VOLUME_PATH_MAX];
	struct lvm_list all;
	bool *open;
	size_t i;
	int r;

	if (lvm_volumes(&all, group, NULL, false) < 0)
		return -1;
	qsort(all.volume, all.count, sizeof(*all.volume), by_name);
	open = calloc(all.count + 1, sizeof(*open));
	r = open ? volume_which_are_open(&all, open) : err_set(ST_FAILED, "out of memory");
	for (i = 0; r == 0 && i < all.count; i++) {
		const struct lvm_volume *v = &all.volume[i];

		if (!v->is_visible)
			continue;
		name = volume_name_of(v);
		volume_path(&name, path);
		buf_clear(&record);
		if (info_collect_volume(l, v, open[i], &record) < 0)
			poor_record(&record, v, path);
		err_clear();
		r = buf_failed(&record);
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

static int send_pools(const char *group, group_each *each, void *arg)
{
	struct buf record = BUF_INIT;
	struct lvm_list all;
	size_t i;
	int r = 0;

	if (lvm_volumes(&all, group, NULL, false) < 0)
		return -1;
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

struct rooms {
	group_each *each;
	void *arg;
};

static int send_room(void *arg, const struct lvm_group *g)
{
	const struct rooms *rooms = arg;
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
		r = rooms->each(rooms->arg, &record);
	if (r == 0)
		r = send_pools(g->name, rooms->each, rooms->arg);
	buf_fini(&record);
	return r;
}

int group_rooms(const struct limits *l, group_each *each, void *arg)
{
	struct rooms rooms = { each, arg };

	return each_allowed(l, send_room, &rooms);
}
