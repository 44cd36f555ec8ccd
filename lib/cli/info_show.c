/*
 * info_show: which key of a record becomes which line, or which member.
 */
#include "lib/cli/info_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/cli/json.h"
#include "lib/cli/table.h"

static int permissions(json_t *o, const struct kv *r)
{
	json_t *p = json_object();

	json_object_set_new(o, "permissions", p);
	json_set_text(p, "mode", kv_get(r, "mode"));
	if (json_set_u64(p, "owner", r, "owner") < 0 || json_set_u64(p, "group", r, "group") < 0)
		return -1;
	json_set_text(p, "label", kv_get(r, "label"));
	return 0;
}

static void timestamps(json_t *o, const struct kv *r)
{
	json_t *t = json_object();

	json_set_text(t, "access", kv_get(r, "atime"));
	json_set_text(t, "modify", kv_get(r, "mtime"));
	json_set_text(t, "change", kv_get(r, "ctime"));
	json_object_set_new(o, "timestamps", t);
}

static void backing(json_t *o, const struct kv *r)
{
	json_t *b;

	if (!kv_get(r, "backing.recorded")) {
		json_object_set_new(o, "backing", json_null());
		return;
	}
	b = json_object();
	json_set_text(b, "path", kv_get(r, "backing.path"));
	json_set_text(b, "recorded", kv_get(r, "backing.recorded"));
	json_set_text(b, "format", kv_get(r, "backing.format"));
	json_object_set_new(o, "backing", b);
}

json_t *info_show_json(const struct location *loc, const struct kv *r)
{
	json_t *o = json_object();

	if (!o) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	json_set_text(o, "location", loc->text);
	json_set_text(o, "host", loc->host);
	if (json_set_image(o, r) < 0)
		goto fail;
	json_set_text(o, "partitions", kv_get(r, "partitions"));
	json_set_texts(o, "mountpoints", r, "mountpoint");
	if (json_set_bool(o, "live", r, "live") < 0 || permissions(o, r) < 0)
		goto fail;
	timestamps(o, r);
	json_set_text(o, "compat", kv_get(r, "compat"));
	json_set_texts(o, "features", r, "feature");
	if (json_set_u64(o, "cluster_size", r, "cluster_size") < 0 ||
		json_set_u64(o, "watermark", r, "watermark") < 0)
		goto fail;
	backing(o, r);
	return o;
fail:
	json_decref(o);
	return NULL;
}

static int add_size(struct table *t, const char *title, const struct kv *r, const char *key)
{
	char human[SIZE_HUMAN];
	uint64_t v;
	int has = kv_get_u64(r, key, &v);

	if (has <= 0)
		return has;
	size_human(v, human);
	if (v < 1024)
		table_rowf(t, title, "%" PRIu64 " bytes", v);
	else
		table_rowf(t, title, "%s (%" PRIu64 " bytes)", human, v);
	return 0;
}

/* "file, raw, compressed with lzo" */
static int add_kind(struct table *t, const struct kv *r)
{
	const char *kind = kv_get(r, "kind"), *format = kv_get(r, "format");
	const char *compression = kv_get(r, "compression"), *compat = kv_get(r, "compat");
	bool unfinished = false, inactive = false;

	if (kv_get_bool(r, "unfinished", &unfinished) < 0 ||
		kv_get_bool(r, "inactive", &inactive) < 0)
		return -1;
	table_rowf(t, "kind", "%s%s%s%s%s%s%s%s%s", kind ? kind : "unknown", format ? ", " : "",
		format ? format : "", compat ? " " : "", compat ? compat : "",
		compression ? ", compressed with " : "", compression ? compression : "",
		inactive ? ", not active: what it holds cannot be seen" : "",
		unfinished ? ", UNFINISHED" : "");
	return 0;
}

static void add_archive(struct table *t, const struct kv *r)
{
	const char *archive = kv_get(r, "archive");

	if (!archive)
		return;
	table_rowf(t, "archive", "%s",
		strcmp(archive, "recorded") == 0 ? "with length and digest"
		: strcmp(archive, "plain") == 0
			? "without length or digest: a missing block would not show"
			: "TRUNCATED, or followed by something else");
}

static int add_snapshot(struct table *t, const struct kv *r)
{
	const char *origin = kv_get(r, "snapshot.origin"), *used = kv_get(r, "snapshot.used");
	bool invalid = false;

	if (!origin)
		return 0;
	if (kv_get_bool(r, "snapshot.invalid", &invalid) < 0)
		return -1;
	if (invalid)
		table_rowf(t, "snapshot", "of '%s', INVALID", origin);
	else if (used)
		table_rowf(
			t, "snapshot", "of '%s', %.1f %% full", origin, 100 * strtod(used, NULL));
	else
		table_rowf(t, "snapshot", "of '%s'", origin);
	return 0;
}

static void add_content(struct table *t, const struct kv *r)
{
	const char *type = kv_get(r, "fs.type"), *label = kv_get(r, "fs.label");
	const char *uuid = kv_get(r, "fs.uuid");

	if (type)
		table_rowf(t, "filesystem", "%s%s%s%s%s%s", type, label ? ", label '" : "",
			label ? label : "", label ? "'" : "", uuid ? ", uuid " : "",
			uuid ? uuid : "");
	if (kv_get(r, "partitions"))
		table_rowf(t, "partitions", "%s", kv_get(r, "partitions"));
	if (kv_get(r, "backing.recorded"))
		table_rowf(t, "backing", "%s%s%s", kv_get(r, "backing.recorded"),
			kv_get(r, "backing.format") ? ", " : "",
			kv_get(r, "backing.format") ? kv_get(r, "backing.format") : "");
}

static int add_use(struct table *t, const struct kv *r)
{
	bool mounted = false, in_use = false;
	const char *point;
	size_t at = 0;
	int has = kv_get_bool(r, "in_use", &in_use);

	if (has < 0 || kv_get_bool(r, "mounted", &mounted) < 0)
		return -1;
	if (has) /* a volume group cannot be */
		table_rowf(t, "in use", "%s", mounted ? "mounted" : in_use ? "yes" : "no");
	while ((point = kv_each(r, "mountpoint", &at)))
		table_rowf(t, "mounted on", "%s", point);
	return 0;
}

int info_show_table(const struct location *loc, const struct kv *r)
{
	const char *mode = kv_get(r, "mode"), *owner = kv_get(r, "owner");
	const char *group = kv_get(r, "group"), *label = kv_get(r, "label");
	const char *path = kv_get(r, "path");
	struct table t;
	int ret = -1;

	table_init(&t);
	table_rowf(&t, "location", "%s", loc->text);
	if (path)
		table_rowf(&t, "path", "%s", path);
	if (add_kind(&t, r) < 0 || add_size(&t, "capacity", r, "capacity") < 0 ||
		add_size(&t, "allocation", r, "allocation") < 0 ||
		add_size(&t, "physical", r, "physical") < 0 ||
		add_size(&t, "size", r, "size") < 0 || add_size(&t, "free", r, "free") < 0)
		goto out;
	if (add_snapshot(&t, r) < 0)
		goto out;
	add_archive(&t, r);
	add_content(&t, r);
	if (add_use(&t, r) < 0)
		goto out;
	if (mode && owner && group)
		table_rowf(&t, "permissions", "%s, owner %s, group %s%s%s", mode, owner, group,
			label ? ", " : "", label ? label : "");
	table_time(&t, "modified", kv_get(r, "mtime"));
	ret = table_print(&t);
out:
	table_fini(&t);
	return ret;
}
