/*
 * field_text: see field_text.h.
 */
#include "lib/cli/field_text.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/pathname.h"
#include "lib/base/size.h"
#include "lib/base/text.h"

#define BACKING_NAME_MAX 128 /* bytes of a cell: a guest can record a name of 1023 */

static bool is_set(const struct kv *r, const char *key)
{
	bool set = false;

	return kv_get_bool(r, key, &set) > 0 && set;
}

static void append(struct buf *out, const char *text)
{
	if (text)
		buf_adds(out, text);
}

/* BEFORE text AFTER; nothing if there is no text. */
static void append_within(struct buf *out, const char *before, const char *text, const char *after)
{
	if (text)
		buf_addf(out, "%s%s%s", before, text, after);
}

void field_text(struct buf *out, const struct field *f, const struct kv *r)
{
	char human[SIZE_HUMAN];
	const char *value = kv_get(r, f->key);
	uint64_t n;

	if (f->text)
		f->text(out, f, r);
	else if (f->type == FIELD_BOOL)
		buf_adds(out, is_set(r, f->key) ? "yes" : "no");
	else if (f->type == FIELD_BYTES && kv_get_u64(r, f->key, &n) > 0)
		buf_adds(out, size_human(n, human));
	else if (f->type == FIELD_FRACTION && value)
		buf_addf(out, "%.1f %%", 100 * strtod(value, NULL));
	else
		append(out, value);
}

void field_text_kind(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *kind = kv_get(r, f->key);

	buf_adds(out, kind ? kind : "unknown");
	append_within(out, ", ", kv_get(r, "format"), "");
	append_within(out, " ", kv_get(r, "compat"), "");
	append_within(out, ", compressed with ", kv_get(r, "compression"), "");
	if (is_set(r, "inactive"))
		buf_adds(out, ", not active: its content cannot be read");
	if (is_set(r, "unfinished"))
		buf_adds(out, ", UNFINISHED");
}

void field_text_format(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *kind = kv_get(r, "kind"), *format = kv_get(r, f->key);

	if (format) {
		buf_adds(out, format);
		append_within(out, ".", kv_get(r, "compression"), "");
	} else if (kind && strcmp(kind, "directory") == 0) {
		buf_adds(out, "dir");
	}
}

void field_text_volume(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *type = kv_get(r, f->key), *pool = kv_get(r, "volume.pool");
	char human[SIZE_HUMAN];
	uint64_t have, size;

	append(out, type);
	append_within(out, ", in pool '", pool, "'");
	if (!pool || kv_get_u64(r, "volume.pool_size", &have) <= 0)
		return;
	buf_addf(out, " of %s", size_human(have, human));
	if (kv_get_u64(r, "physical", &size) > 0 && size > have)
		buf_adds(out, ", LARGER THAN ITS POOL");
}

void field_text_snapshot(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *origin = kv_get(r, f->key), *used = kv_get(r, "snapshot.used");
	char human[SIZE_HUMAN];
	uint64_t space;

	if (!origin)
		return;
	append_within(out, "of '", origin, "'");
	if (is_set(r, "snapshot.invalid"))
		buf_adds(out, ", INVALID");
	else if (used)
		buf_addf(out, ", %.1f %% full", 100 * strtod(used, NULL));
	if (kv_get_u64(r, "snapshot.space", &space) > 0)
		buf_addf(out, " (copy-on-write space: %s)", size_human(space, human));
}

void field_text_archive(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *archive = kv_get(r, f->key);

	if (archive)
		buf_adds(out,
			strcmp(archive, "recorded") == 0 ? "with length and digest"
			: strcmp(archive, "plain") == 0
				? "without length or digest: a missing block would not be noticed"
				: "TRUNCATED, or followed by other data");
}

void field_text_filesystem(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *type = kv_get(r, f->key);

	if (!type)
		return;
	buf_adds(out, type);
	append_within(out, ", label '", kv_get(r, "fs.label"), "'");
	append_within(out, ", uuid ", kv_get(r, "fs.uuid"), "");
}

void field_text_content(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *type = kv_get(r, f->key);

	append(out, type ? type : kv_get(r, "partitions"));
}

void field_text_backing(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *recorded = kv_get(r, f->key);

	if (!recorded)
		return;
	buf_adds(out, recorded);
	append_within(out, ", ", kv_get(r, "backing.format"), "");
}

void field_text_backing_name(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *recorded = kv_get(r, f->key), *below = kv_get(r, "backing.path");
	const char *path = kv_get(r, "path");
	char *dir = path ? pathname_parent(path) : NULL, shown[BACKING_NAME_MAX];
	const char *name = dir && below ? pathname_below(below, dir) : NULL;

	if (name && *name && !strchr(name, '/'))
		below = name;
	free(dir);
	if (recorded)
		buf_adds(out, text_safe(below ? below : recorded, shown, sizeof(shown)));
}

void field_text_data_file(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *recorded = kv_get(r, f->key);

	if (recorded)
		buf_adds(out, *recorded ? recorded : "external, but the image does not name it");
}

/* A volume group has no such key: it cannot be in use. */
void field_text_use(struct buf *out, const struct field *f, const struct kv *r)
{
	if (kv_get(r, f->key))
		buf_adds(out, is_set(r, "mounted") ? "mounted" : is_set(r, f->key) ? "yes" : "no");
}

void field_text_live(struct buf *out, const struct field *f, const struct kv *r)
{
	if (kv_get(r, f->key))
		buf_adds(out, is_set(r, f->key) ? "yes, QEMU has it open" : "no");
}

void field_text_users(struct buf *out, const struct field *f, const struct kv *r)
{
	static const char mounted[] = "mounted on ";
	size_t at = 0, begin = out->len;
	const char *user;

	while ((user = kv_each(r, f->key, &at)))
		if (strncmp(user, mounted, strlen(mounted)) != 0)
			buf_addf(out, "%s%s", out->len > begin ? "; " : "", user);
}

void field_text_state(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *origin = kv_get(r, "snapshot.origin");
	size_t begin = out->len;

	append(out, is_set(r, "unfinished") ? "unfinished"
		    : is_set(r, "mounted")  ? "mounted"
		    : is_set(r, f->key)	    ? "in use"
		    : is_set(r, "inactive") ? "not active"
					    : NULL);
	if (origin)
		buf_addf(out, "%s%s of %s", out->len > begin ? ", " : "",
			is_set(r, "snapshot.invalid") ? "INVALID snapshot" : "snapshot", origin);
	append_within(
		out, out->len > begin ? ", thin in " : "thin in ", kv_get(r, "volume.pool"), "");
}

void field_text_permissions(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *mode = kv_get(r, f->key), *owner = kv_get(r, "owner");
	const char *group = kv_get(r, "group");

	if (!mode || !owner || !group)
		return;
	buf_addf(out, "%s, owner %s, group %s", mode, owner, group);
	append_within(out, ", ", kv_get(r, "label"), "");
}

void field_text_types(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *type;
	size_t at = 0, begin = out->len;

	while ((type = kv_each(r, f->key, &at)))
		buf_addf(out, "%s%s", out->len > begin ? " " : "", type);
	if (out->len == begin)
		buf_adds(out, "nothing");
}

void field_text_pool(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *group = kv_get(r, "group"), *name = kv_get(r, f->key);

	buf_addf(out, "/dev/%s/%s", group ? group : "", name ? name : "");
}

void field_text_layer(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *path = kv_get(r, f->key);

	append(out, path ? path : kv_get(r, "name"));
}

void field_text_layer_state(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *error = kv_get(r, "error.kind");
	size_t begin = out->len;

	if (error)
		buf_addf(out, "ERROR: %s", error);
	else
		field_text_state(out, f, r);
	if (is_set(r, "live"))
		buf_adds(out, out->len > begin ? ", live" : "live");
}

/* Only a volume does not grow by itself. */
void field_text_end(struct buf *out, const struct field *f, const struct kv *r)
{
	const char *kind = kv_get(r, "kind");
	uint64_t end, physical;

	if (!kind || strcmp(kind, "file") == 0 || kv_get_u64(r, f->key, &end) <= 0 ||
		kv_get_u64(r, "physical", &physical) <= 0 || physical == 0)
		return;
	buf_addf(out, "%.0f %%", 100.0 * (double)end / (double)physical);
}
