/*
 * volume_describe: see volume_describe.h.
 */
#include "lib/store/volume/volume_describe.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/lvm/dm.h"

/* The kernel knows more than LVM, which reports a percentage with two decimals. */
static void add_usage(const struct lvm_volume *v, struct buf *out)
{
	const struct volume_name name = volume_name_of(v);
	struct dm_usage usage = { .used = v->used, .space = v->size, .invalid = v->is_invalid };
	char path[VOLUME_PATH_MAX];
	struct stat st;

	if (v->is_active && stat(volume_path(&name, path), &st) == 0 &&
		dm_snapshot_usage(st.st_rdev, &usage) < 0) {
		err_clear();
		usage.used = v->used;
		usage.invalid = v->is_invalid;
	}
	if (usage.used >= 0 && !usage.invalid)
		kv_addf(out, "snapshot.used", "%.6f", usage.used);
	kv_add_u64(out, "snapshot.space", v->size);
	kv_add_bool(out, "snapshot.invalid", usage.invalid);
}

static void add_relatives(const struct lvm_volume *v, const struct lvm_list *all, struct buf *out)
{
	const struct lvm_volume *other;
	size_t i;

	for (i = 0; i < all->count; i++) {
		other = &all->volume[i];
		if (*v->pool && other->is_pool && strcmp(other->name, v->pool) == 0)
			kv_add_u64(out, "volume.pool_size", other->size);
		if (v->has_snapshots && other->is_visible && strcmp(other->origin, v->name) == 0)
			kv_add(out, "volume.snapshot", other->name);
	}
}

void volume_describe(const struct lvm_volume *v, const struct place_volume *p, struct buf *out)
{
	char type[VOLUME_TYPE_MAX];
	struct lvm_list all;

	volume_type(v, type);
	if (!*type) /* LVM was not asked */
		return;
	kv_add(out, "volume.type", type);
	if (*v->pool)
		kv_add(out, "volume.pool", v->pool);
	if (p->all) {
		add_relatives(v, p->all, out);
	} else if (*v->pool || v->has_snapshots) {
		if (lvm_volumes(&all, v->group, NULL, false) == 0) {
			add_relatives(v, &all, out);
			lvm_list_fini(&all);
		}
		err_clear();
	}
	if (*v->origin)
		kv_add(out, "snapshot.origin", v->origin);
	if (v->is_snapshot)
		add_usage(v, out);
}

void volume_describe_size(const struct lvm_volume *v, struct buf *out)
{
	uint64_t size = v->is_snapshot && v->origin_size ? v->origin_size : v->size;

	kv_add_u64(out, "capacity", size);
	kv_add_u64(out, "physical", size);
	if (v->used >= 0)
		kv_add_u64(out, "allocation", (uint64_t)((double)v->size * v->used));
	else if (!v->is_thin && !v->is_snapshot && !v->is_pool)
		kv_add_u64(out, "allocation", v->size);
}
