/*
 * volume_type: what a volume is, and what it therefore can be used for.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/lvm/dm.h"
#include "lib/lvm/volume.h"

/*
 * LVM has a field for the type, but with it a report has a row for each segment.  The layout has
 * the same words: "linear", "raid,raid5,raid5_ls", "thin,sparse", "thin,pool".
 */
void volume_type(const struct lvm_volume *v, char out[VOLUME_TYPE_MAX])
{
	const char *word = v->layout, *next;
	size_t n = 0;

	if (v->is_snapshot) {
		snprintf(out, VOLUME_TYPE_MAX, "snapshot");
		return;
	}
	out[0] = '\0';
	for (; *word; word = next) {
		n = strcspn(word, ",");
		next = word + n + (word[n] == ',');
		if (strncmp(word, "pool", n) == 0)
			snprintf(out + strlen(out), VOLUME_TYPE_MAX - strlen(out), "-pool");
		else if (strncmp(word, "sparse", n) != 0 && strncmp(word, "virtual", n) != 0)
			snprintf(out, VOLUME_TYPE_MAX, "%.*s", (int)n, word);
	}
}

int volume_check_image(const struct lvm_volume *v)
{
	char type[VOLUME_TYPE_MAX];

	volume_type(v, type);
	if (v->is_pool)
		return err_set(ST_REFUSED, "is a pool (%s), not an image", type);
	return v->is_visible ? 0 : err_set(ST_REFUSED, "is an internal LVM volume");
}

int volume_check_active(const struct lvm_volume *v)
{
	if (v->is_active)
		return 0;
	return err_set(
		ST_FAILED, "is not active (see lvchange -ay%s)", v->skips_activation ? " -K" : "");
}

/* What no new volume may have in its name: LVM gives it to its internal volumes. */
static const char *reserved_part(const char *name)
{
	static const char *const begins[] = { "pvmove", "snapshot", NULL };
	static const char *const parts[] = { "_cdata", "_cmeta", "_corig", "_cpool", "_cvol",
		"_imeta", "_iorig", "_mimage", "_mlog", "_pmspare", "_rimage", "_rmeta", "_tdata",
		"_tmeta", "_vdata", "_vorigin", "_wcorig", NULL };
	size_t i;

	for (i = 0; begins[i]; i++)
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			return begins[i];
	for (i = 0; parts[i] && !strstr(name, parts[i]); i++)
		;
	return parts[i];
}

int volume_check_name(const struct volume_name *name, bool has_layers, enum status status)
{
	/* LVM reserves 3 characters, and calls the devices of layers "VG-LV-real", "VG-LV-cow". */
	size_t plain = strlen(name->group) + strlen(name->name) + 3;
	size_t device = dm_name_len(name->group, name->name) + (has_layers ? strlen("-real") : 0);

	const char *part = reserved_part(name->name);

	if (!lvm_name_is_valid(name->name))
		return err_set(status, "'%s' is not a valid name for a volume", name->name);
	if (part)
		return err_set(status, "the name '%s' contains '%s', which LVM reserves for itself",
			name->name, part);
	if (plain > DM_NAME_LEN_MAX || device > DM_NAME_LEN_MAX)
		return err_set(status, "the name '%s' is too long for %s in group '%s'", name->name,
			has_layers ? "a thick snapshot or its origin" : "a volume", name->group);
	return 0;
}

int volume_check_no_origin(const struct lvm_volume *v)
{
	struct buf names = BUF_INIT;
	struct lvm_list all;
	size_t i;

	if (!v->is_external_origin)
		return 0;
	if (lvm_volumes(&all, v->group, NULL, false) < 0)
		return -1;
	for (i = 0; i < all.count; i++)
		if (strcmp(all.volume[i].origin, v->name) == 0)
			buf_addf(&names, "%s'%s'", names.len ? ", " : "", all.volume[i].name);
	lvm_list_fini(&all);
	err_set(ST_REFUSED, "is the external origin of %s",
		names.len ? buf_str(&names) : "thin volumes");
	buf_fini(&names);
	return -1;
}

int volume_check_changeable(const struct lvm_volume *v)
{
	if (volume_check_image(v) < 0 || volume_check_no_origin(v) < 0)
		return -1;
	if (v->is_merging)
		return err_set(ST_REFUSED, "is being merged");
	if (v->is_active && !v->is_writable)
		return err_set(ST_REFUSED, "is read-only (see lvchange -prw)");
	return volume_check_lock_type(v->lock_type);
}

int volume_check_lock_type(const char *type)
{
	if (*type && strcmp(type, "none") != 0)
		return err_set(ST_REFUSED,
			"its group is shared with other hosts (lock type %s), which cannot be seen "
			"from here",
			type);
	return 0;
}

int volume_check_group(const struct lvm_group *g)
{
	return volume_check_lock_type(g->lock_type);
}
