/*
 * lvm: what LVM reports of volumes and groups, as structs.
 */
#include "lib/lvm/lvm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/lvm/lvm_report.h"

#define VOLUME_FIELDS                                                                              \
	"vg_name,vg_uuid,lv_name,lv_uuid,lv_size,lv_layout,lv_role,origin,pool_lv,data_percent,"   \
	"snap_percent,metadata_percent,lv_tags,lv_active,lv_permissions,lv_snapshot_invalid,"      \
	"lv_merging,lv_skip_activation,origin_size,vg_lock_type,vg_free,vg_extent_size"
#define GROUP_FIELDS "vg_name,vg_size,vg_free,vg_extent_size,vg_lock_type,vg_systemid"
#define ARGS_MAX 16

bool lvm_name_is_valid(const char *name)
{
	return *name && *name != '-' && strlen(name) < LVM_NAME_MAX && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789+_.-")];
}

bool lvm_is_there(void)
{
	return child_has("lvm");
}

int lvm_change(const char *const *argv)
{
	struct buf text = BUF_INIT;
	int i;

	for (i = 0; argv[i]; i++)
		buf_addf(&text, " %s", argv[i]);
	if (text.len)
		log_debug("lvm%s", buf_str(&text));
	buf_fini(&text);
	return lvm_report_run(argv, NULL);
}

static double row_fraction(json_t *row, const char *key)
{
	const char *value = lvm_report_text(row, key);

	return *value && *value != '-' ? strtod(value, NULL) / 100 : -1;
}

/* Whether a comma-separated list contains word. */
static bool list_contains(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == n && memcmp(list, word, n) == 0)
			return true;
	return false;
}

static void row_copy(char *out, size_t size, json_t *row, const char *key)
{
	snprintf(out, size, "%s", lvm_report_text(row, key));
}

static void add_without_hyphens(char *out, size_t size, const char *uuid)
{
	size_t n = strlen(out);

	for (; *uuid && n + 1 < size; uuid++)
		if (*uuid != '-')
			out[n++] = *uuid;
	out[n] = '\0';
}

/* The name of another volume, unless it is hidden, as a part of this one: that is in brackets. */
static void row_copy_visible(char *out, json_t *row, const char *key)
{
	row_copy(out, LVM_NAME_MAX, row, key);
	if (*out == '[')
		*out = '\0';
}

/* Of a cached volume, and some others, data_percent is not how much of the volume is used. */
static double row_used(const struct lvm_volume *v, json_t *row)
{
	if (v->is_snapshot)
		return row_fraction(row, "snap_percent");
	if (v->is_thin || v->is_pool || list_contains(v->layout, "vdo"))
		return row_fraction(row, "data_percent");
	return -1;
}

static int volume_from_row(struct lvm_volume *v, json_t *row)
{
	const char *role = lvm_report_text(row, "lv_role");

	memset(v, 0, sizeof(*v));
	row_copy(v->group, sizeof(v->group), row, "vg_name");
	row_copy(v->name, sizeof(v->name), row, "lv_name");
	/* The name of a hidden volume is in brackets. */
	if (v->name[0] == '[') {
		memmove(v->name, v->name + 1, strlen(v->name));
		v->name[strcspn(v->name, "]")] = '\0';
	}
	row_copy(v->own_uuid, sizeof(v->own_uuid), row, "lv_uuid");
	snprintf(v->uuid, sizeof(v->uuid), "LVM-");
	add_without_hyphens(v->uuid, sizeof(v->uuid), lvm_report_text(row, "vg_uuid"));
	add_without_hyphens(v->uuid, sizeof(v->uuid), lvm_report_text(row, "lv_uuid"));
	v->size = lvm_report_bytes(row, "lv_size");
	v->origin_size = lvm_report_bytes(row, "origin_size");
	v->group_free = lvm_report_bytes(row, "vg_free");
	v->extent_size = lvm_report_bytes(row, "vg_extent_size");
	row_copy_visible(v->origin, row, "origin");
	row_copy_visible(v->pool, row, "pool_lv");
	row_copy(v->layout, sizeof(v->layout), row, "lv_layout");
	row_copy(v->lock_type, sizeof(v->lock_type), row, "vg_lock_type");
	v->is_visible = list_contains(role, "public");
	v->is_pool = list_contains(v->layout, "pool");
	v->has_snapshots = list_contains(role, "origin");
	v->is_thin = list_contains(v->layout, "thin") && !v->is_pool;
	v->is_snapshot = list_contains(role, "thicksnapshot");
	v->is_origin = list_contains(role, "thickorigin");
	v->is_external_origin = list_contains(role, "extthinorigin");
	v->skips_activation = *lvm_report_text(row, "lv_skip_activation") == '1';
	v->is_merging = *lvm_report_text(row, "lv_merging") == '1';
	/* With --binary, LVM prints a word here up to 2.03.16, and 1 in later versions. */
	v->is_active = strcmp(lvm_report_text(row, "lv_active"), "active") == 0 ||
		       strcmp(lvm_report_text(row, "lv_active"), "1") == 0;
	v->is_writable = *lvm_report_text(row, "lv_permissions") == '1' ||
			 strcmp(lvm_report_text(row, "lv_permissions"), "writeable") == 0;
	v->is_invalid = *lvm_report_text(row, "lv_snapshot_invalid") == '1';
	v->used = row_used(v, row);
	v->meta_used = row_fraction(row, "metadata_percent");
	v->tags = strdup(lvm_report_text(row, "lv_tags"));
	return v->tags ? 0 : err_set(ST_FAILED, "out of memory");
}

/* A report of its own: with fields of segments, LVM prints one row for each segment. */
int lvm_thin(struct lvm_thin *out, const char *group, const char *name)
{
	char what[2 * LVM_NAME_MAX];
	const char *argv[] = { "lvs", "--reportformat", "json", "-a", "-o",
		"thin_id,transaction_id", what, NULL };
	json_t *rows, *row;
	int r = 0;

	memset(out, 0, sizeof(*out));
	snprintf(what, sizeof(what), "%s/%s", group, name);
	rows = lvm_report_rows(argv, "lv");
	if (!rows)
		return -1;
	row = json_array_get(rows, 0);
	if (json_array_size(rows) == 1 && *lvm_report_text(row, "transaction_id")) {
		out->id = (unsigned)lvm_report_bytes(row, "thin_id");
		out->transaction = lvm_report_bytes(row, "transaction_id");
	} else {
		r = err_set(ST_FAILED, "'%s' is neither a thin volume nor a thin pool", what);
	}
	json_decref(rows);
	return r;
}

/* Reports one group, or all; foreign: also those of other hosts, and shared ones. */
static int read_groups(struct lvm_groups *out, const char *group, bool foreign)
{
	const char *argv[ARGS_MAX] = { "vgs", "--reportformat", "json", "--units", "b",
		"--nosuffix", "-o", GROUP_FIELDS };
	json_t *rows, *row;
	size_t n;

	memset(out, 0, sizeof(*out));
	argv[8] = group;
	if (foreign) {
		argv[8] = "--foreign";
		argv[9] = "--shared";
	}
	rows = lvm_report_rows(argv, "vg");
	if (!rows)
		return -1;
	n = json_array_size(rows);
	out->group = calloc(n ? n : 1, sizeof(*out->group));
	if (!out->group) {
		json_decref(rows);
		return err_set(ST_FAILED, "out of memory");
	}
	for (; out->count < n; out->count++) {
		struct lvm_group *g = &out->group[out->count];

		row = json_array_get(rows, out->count);
		row_copy(g->name, sizeof(g->name), row, "vg_name");
		g->size = lvm_report_bytes(row, "vg_size");
		g->free = lvm_report_bytes(row, "vg_free");
		g->extent_size = lvm_report_bytes(row, "vg_extent_size");
		row_copy(g->lock_type, sizeof(g->lock_type), row, "vg_lock_type");
		row_copy(g->system_id, sizeof(g->system_id), row, "vg_systemid");
	}
	json_decref(rows);
	return 0;
}

/*
 * LVM has one exit status for all failures.  Replaces the recorded error by ST_ABSENT or
 * ST_REFUSED if a further report shows that this is the cause.  Always -1.
 */
static int explain_failure(const char *group, const char *name)
{
	struct lvm_groups groups;
	struct lvm_list all;
	struct err e;
	size_t i;

	if (err_status() == ST_REFUSED) /* LVM cannot be asked */
		return -1;
	/* No further report: another job may have created the volume meanwhile. */
	if (name && strstr(err_text(), "Failed to find logical volume"))
		return err_set(ST_ABSENT, "no such volume");
	err_take(&e);
	memset(&all, 0, sizeof(all));
	if (read_groups(&groups, NULL, true) < 0)
		return -1;
	for (i = 0; i < groups.count && strcmp(groups.group[i].name, group) != 0; i++)
		;
	if (i == groups.count)
		err_set(ST_ABSENT, "no such volume group: '%s'", group);
	else if (*groups.group[i].lock_type && strcmp(groups.group[i].lock_type, "none") != 0)
		err_set(ST_REFUSED, "its volume group is shared with other hosts (lock type %s)",
			groups.group[i].lock_type);
	else if (*groups.group[i].system_id && !name)
		err_set(ST_REFUSED, "its volume group belongs to another host (system ID '%s')",
			groups.group[i].system_id);
	else if (name && lvm_volumes(&all, group, NULL, true) == 0) {
		for (i = 0; i < all.count && strcmp(all.volume[i].name, name) != 0; i++)
			;
		if (i == all.count)
			err_set(ST_ABSENT, "no such volume");
		else
			err_put(&e);
		lvm_list_fini(&all);
	} else if (!name) {
		err_put(&e);
	}
	lvm_groups_fini(&groups);
	return -1;
}

int lvm_volumes(struct lvm_list *out, const char *group, const char *name, bool hidden)
{
	const char *argv[ARGS_MAX] = { "lvs", "--reportformat", "json", "--units", "b",
		"--nosuffix", "--binary", "-o", VOLUME_FIELDS };
	char what[2 * LVM_NAME_MAX];
	int i = 9, r = 0;
	json_t *rows;
	size_t n;

	memset(out, 0, sizeof(*out));
	if (hidden)
		argv[i++] = "-a";
	snprintf(what, sizeof(what), "%s%s%s", group ? group : "", name ? "/" : "",
		name ? name : "");
	if (group)
		argv[i++] = what;
	argv[i] = NULL;
	rows = lvm_report_rows(argv, "lv");
	if (!rows)
		return group && lvm_is_there() ? explain_failure(group, name) : -1;
	n = json_array_size(rows);
	out->volume = calloc(n ? n : 1, sizeof(*out->volume));
	if (!out->volume)
		r = err_set(ST_FAILED, "out of memory");
	for (; r == 0 && out->count < n; out->count++)
		r = volume_from_row(&out->volume[out->count], json_array_get(rows, out->count));
	json_decref(rows);
	if (r < 0)
		lvm_list_fini(out);
	return r;
}

void lvm_list_fini(struct lvm_list *l)
{
	while (l->count)
		lvm_volume_fini(&l->volume[--l->count]);
	free(l->volume);
	memset(l, 0, sizeof(*l));
}

int lvm_volume(struct lvm_volume *out, const char *group, const char *name)
{
	struct lvm_list l;

	memset(out, 0, sizeof(*out));
	if (lvm_volumes(&l, group, name, true) < 0)
		return -1;
	if (l.count != 1) {
		lvm_list_fini(&l);
		return err_set(ST_ABSENT, "no such volume");
	}
	*out = l.volume[0];
	free(l.volume);
	return 0;
}

void lvm_volume_fini(struct lvm_volume *v)
{
	free(v->tags);
	memset(v, 0, sizeof(*v));
}

int lvm_groups(struct lvm_groups *out, const char *group)
{
	if (read_groups(out, group, false) == 0)
		return 0;
	return group && lvm_is_there() ? explain_failure(group, NULL) : -1;
}

void lvm_groups_fini(struct lvm_groups *g)
{
	free(g->group);
	memset(g, 0, sizeof(*g));
}

char *lvm_tag(const struct lvm_volume *v, const char *prefix)
{
	const char *at = v->tags ? v->tags : "";
	size_t n = strlen(prefix);

	for (; *at; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(at, prefix, n) == 0)
			return strndup(at + n, strcspn(at + n, ","));
	return NULL;
}
