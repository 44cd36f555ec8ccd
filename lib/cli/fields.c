/*
 * fields: the table.  The keys of an image are those of lib/store/info.h; of the
 * rest, those of lib/op/op_storage.c.
 */
#include "lib/cli/fields.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/field_text.h"

#define IMAGE (VIEW_INFO | VIEW_LIST)
#define COUNT (sizeof(fields) / sizeof(fields[0]))

static const struct field fields[] = {
	/* An image. */
	{ "path", FIELD_TEXT, IMAGE, .json = "path", .line = "path" },
	{ "name", FIELD_TEXT, IMAGE, .json = "name", .xml = "name" },
	{ "path", FIELD_TEXT, IMAGE, .xml = "key" },
	{ "source", FIELD_TEXTS, VIEW_INFO, .xml = "source/" }, /* empty, as libvirt has it */
	{ "name", FIELD_TEXT, VIEW_NAMES, .column = "NAME" },
	{ "path", FIELD_TEXT, VIEW_PATHS, .column = "PATH" },
	{ "kind", FIELD_TEXT, IMAGE, .json = "kind", .line = "kind", .text = field_text_kind },
	{ "format", FIELD_TEXT, IMAGE, .json = "format", .column = "FORMAT",
		.text = field_text_format },
	{ "compression", FIELD_TEXT, IMAGE, .json = "compression", .xml = "@compression" },
	{ "unfinished", FIELD_BOOL, IMAGE, .json = "unfinished", .xml = "@unfinished" },
	{ "inactive", FIELD_BOOL, IMAGE, .line = NULL }, /* part of "kind" and of STATE */
	{ "capacity", FIELD_BYTES, IMAGE, .json = "capacity", .xml = "capacity", .line = "capacity",
		.column = "SIZE" },
	{ "allocation", FIELD_BYTES, IMAGE, .json = "allocation", .xml = "allocation",
		.line = "allocation", .column = "USED" },
	{ "physical", FIELD_BYTES, IMAGE, .json = "physical", .xml = "physical",
		.line = "physical" },
	{ "watermark", FIELD_BYTES, VIEW_INFO, .line = "watermark" },
	{ "size", FIELD_BYTES, VIEW_INFO, .line = "size" },
	{ "free", FIELD_BYTES, VIEW_INFO, .line = "free" },
	{ "volume.type", FIELD_TEXT, IMAGE, .json = "volume?.type", .line = "volume",
		.text = field_text_volume },
	{ "volume.pool", FIELD_TEXT, IMAGE, .json = "volume?.pool" },
	{ "volume.snapshot", FIELD_TEXTS, IMAGE, .json = "volume?.snapshots", .line = "snapshots" },
	{ "snapshot.origin", FIELD_TEXT, VIEW_INFO, .line = "snapshot",
		.text = field_text_snapshot },
	{ "archive", FIELD_TEXT, VIEW_INFO, .line = "archive", .text = field_text_archive },
	{ "fs.type", FIELD_TEXT, IMAGE, .json = "filesystem?.type", .line = "filesystem",
		.text = field_text_filesystem },
	{ "fs.label", FIELD_TEXT, IMAGE, .json = "filesystem?.label" },
	{ "fs.uuid", FIELD_TEXT, IMAGE, .json = "filesystem?.uuid" },
	{ "fs.type", FIELD_TEXT, VIEW_LIST, .column = "CONTENT", .text = field_text_content },
	{ "partitions", FIELD_TEXT, VIEW_INFO, .line = "partitions" },
	{ "backing.recorded", FIELD_TEXT, VIEW_INFO, .line = "backing",
		.text = field_text_backing },
	{ "data_file.recorded", FIELD_TEXT, VIEW_INFO, .line = "data file",
		.text = field_text_data_file },
	{ "extent.recorded", FIELD_TEXTS, VIEW_INFO, .line = "extent" },
	{ "mounted", FIELD_BOOL, IMAGE, .json = "mounted", .xml = "@mounted" },
	{ "in_use", FIELD_BOOL, IMAGE, .json = "in_use", .xml = "@in_use", .line = "in use",
		.text = field_text_use },
	{ "volume.pool_size", FIELD_BYTES, IMAGE, .line = NULL }, /* part of "volume" */
	{ "snapshot.space", FIELD_BYTES, IMAGE, .line = NULL },	  /* part of "snapshot" */
	{ "snapshot.origin", FIELD_TEXT, IMAGE, .json = "snapshot?.origin" },
	{ "snapshot.used", FIELD_FRACTION, IMAGE, .json = "snapshot?.used" },
	{ "snapshot.invalid", FIELD_BOOL, IMAGE, .json = "snapshot?.invalid" },
	{ "in_use", FIELD_BOOL, VIEW_LIST, .column = "STATE", .text = field_text_state },
	{ "backing.recorded", FIELD_TEXT, VIEW_LIST, .column = "BACKING", .is_rare = true,
		.text = field_text_backing_name },
	{ "partitions", FIELD_TEXT, VIEW_INFO, .json = "partitions" },
	{ "mountpoint", FIELD_TEXTS, VIEW_INFO, .json = "mountpoints", .line = "mounted on" },
	{ "used_by", FIELD_TEXTS, VIEW_INFO, .json = "used_by", .line = "used by",
		.text = field_text_users },
	{ "live", FIELD_BOOL, VIEW_INFO, .json = "live", .line = "live", .text = field_text_live },
	{ "path", FIELD_TEXT, VIEW_INFO, .xml = "target/path" },
	{ "format", FIELD_TEXT, VIEW_INFO, .xml = "target/format@type" },
	{ "mode", FIELD_TEXT, VIEW_INFO, .json = "permissions.mode",
		.xml = "target/permissions/mode", .line = "permissions",
		.text = field_text_permissions },
	{ "owner", FIELD_NUMBER, VIEW_INFO, .json = "permissions.owner",
		.xml = "target/permissions/owner" },
	{ "group", FIELD_NUMBER, VIEW_INFO, .json = "permissions.group",
		.xml = "target/permissions/group" },
	{ "label", FIELD_TEXT, VIEW_INFO, .json = "permissions.label",
		.xml = "target/permissions/label" },
	{ "atime", FIELD_TIME, VIEW_INFO, .json = "timestamps.access",
		.xml = "target/timestamps/atime" },
	{ "mtime", FIELD_TIME, VIEW_INFO, .json = "timestamps.modify",
		.xml = "target/timestamps/mtime", .line = "modified" },
	{ "ctime", FIELD_TIME, VIEW_INFO, .json = "timestamps.change",
		.xml = "target/timestamps/ctime" },
	{ "compat", FIELD_TEXT, VIEW_INFO, .json = "compat", .xml = "target/compat" },
	{ "feature", FIELD_TEXTS, VIEW_INFO, .json = "features", .line = "features" },
	{ "cluster_size", FIELD_BYTES, VIEW_INFO, .json = "cluster_size",
		.xml = "target/clusterSize", .xml_unit = "B" },
	{ "feature", FIELD_TEXTS, VIEW_INFO, .xml = "target/features/", .xml_with = "compat" },
	{ "watermark", FIELD_BYTES, VIEW_INFO, .json = "watermark" },
	{ "backing.path", FIELD_TEXT, IMAGE, .json = "backing?.path" },
	{ "backing.recorded", FIELD_TEXT, IMAGE, .json = "backing?.recorded" },
	{ "backing.format", FIELD_TEXT, IMAGE, .json = "backing?.format" },
	{ "data_file.path", FIELD_TEXT, VIEW_INFO, .json = "data_file?.path" },
	{ "data_file.recorded", FIELD_TEXT, VIEW_INFO, .json = "data_file?.recorded" },
	{ "data_file.capacity", FIELD_BYTES, VIEW_INFO, .json = "data_file?.capacity" },
	{ "data_file.allocation", FIELD_BYTES, VIEW_INFO, .json = "data_file?.allocation" },
	{ "data_file.physical", FIELD_BYTES, VIEW_INFO, .json = "data_file?.physical" },
	{ "extent.path", FIELD_TEXTS, VIEW_INFO, .json = "extents[].path" },
	{ "extent.recorded", FIELD_TEXTS, VIEW_INFO, .json = "extents[].recorded" },
	{ "extent.capacity", FIELD_SIZES, VIEW_INFO, .json = "extents[].capacity" },
	{ "extent.allocation", FIELD_SIZES, VIEW_INFO, .json = "extents[].allocation" },
	{ "extent.physical", FIELD_SIZES, VIEW_INFO, .json = "extents[].physical" },

	/* A layer of a chain. */
	{ "depth", FIELD_NUMBER, VIEW_LAYER, .json = "depth" },
	{ "error.kind", FIELD_TEXT, VIEW_LAYER, .json = "error?.kind" },
	{ "error.message", FIELD_TEXT, VIEW_LAYER, .json = "error?.message" },
	{ "path", FIELD_TEXT, VIEW_CHAIN, .column = "LAYER", .text = field_text_layer },
	{ "depth", FIELD_NUMBER, VIEW_CHAIN, .column = "NO" },
	{ "capacity", FIELD_BYTES, VIEW_CHAIN, .column = "SIZE" },
	{ "allocation", FIELD_BYTES, VIEW_CHAIN, .column = "USED" },
	{ "physical", FIELD_BYTES, VIEW_CHAIN, .column = "PHYSICAL" },
	{ "watermark", FIELD_BYTES, VIEW_CHAIN, .column = "END", .text = field_text_end },
	{ "format", FIELD_TEXT, VIEW_CHAIN, .column = "FORMAT", .text = field_text_format },
	{ "in_use", FIELD_BOOL, VIEW_CHAIN, .column = "STATE", .text = field_text_layer_state },

	{ "capacity", FIELD_BYTES, VIEW_SIZES, .xml = "capacity" },
	{ "allocation", FIELD_BYTES, VIEW_SIZES, .xml = "allocation" },
	{ "physical", FIELD_BYTES, VIEW_SIZES, .xml = "physical" },
	{ "mode", FIELD_TEXT, VIEW_OWNER, .xml = "permissions/mode" },
	{ "owner", FIELD_NUMBER, VIEW_OWNER, .xml = "permissions/owner" },
	{ "group", FIELD_NUMBER, VIEW_OWNER, .xml = "permissions/group" },
	{ "label", FIELD_TEXT, VIEW_OWNER, .xml = "permissions/label" },
	{ "atime", FIELD_TIME, VIEW_OWNER, .xml = "timestamps/atime" },
	{ "mtime", FIELD_TIME, VIEW_OWNER, .xml = "timestamps/mtime" },
	{ "ctime", FIELD_TIME, VIEW_OWNER, .xml = "timestamps/ctime" },
	{ "compat", FIELD_TEXT, VIEW_FEATURES, .xml = "compat" },
	{ "feature", FIELD_TEXTS, VIEW_FEATURES, .xml = "features/", .xml_with = "compat" },

	/* A host.  What it detects are hundreds of types: too many for a line. */
	{ "host", FIELD_TEXT, VIEW_HOST, .json = "host", .xml = "host", .line = "host" },
	{ "version", FIELD_TEXT, VIEW_HOST, .json = "helper_version", .xml = "helper_version",
		.line = "helper" },
	{ "grow", FIELD_TEXTS, VIEW_HOST, .json = "filesystems.grow",
		.xml = "filesystems/grow/type", .line = "grow", .text = field_text_types },
	{ "shrink", FIELD_TEXTS, VIEW_HOST, .json = "filesystems.shrink",
		.xml = "filesystems/shrink/type", .line = "shrink", .text = field_text_types },
	{ "snapshot", FIELD_TEXTS, VIEW_HOST, .json = "filesystems.snapshot",
		.xml = "filesystems/snapshot/type", .line = "snapshot", .text = field_text_types },
	{ "detect", FIELD_TEXTS, VIEW_HOST, .json = "filesystems.detect",
		.xml = "filesystems/detect/type" },

	/* A directory where images can be. */
	{ "path", FIELD_TEXT, VIEW_DIRECTORY, .json = "path", .xml = "path",
		.column = "DIRECTORY" },
	{ "filesystem", FIELD_TEXT, VIEW_DIRECTORY, .json = "filesystem", .xml = "filesystem",
		.column = "TYPE" },
	{ "size", FIELD_BYTES, VIEW_DIRECTORY, .json = "size", .column = "SIZE" },
	{ "free", FIELD_BYTES, VIEW_DIRECTORY, .json = "free", .column = "FREE" },
	{ "reflink", FIELD_BOOL, VIEW_DIRECTORY, .json = "reflink", .xml = "reflink",
		.column = "REFLINK" },
	{ "writable", FIELD_BOOL, VIEW_DIRECTORY, .json = "writable", .xml = "writable",
		.column = "WRITABLE" },

	/* A volume group, and a thin pool of it. */
	{ "name", FIELD_TEXT, VIEW_GROUP | VIEW_POOL, .json = "name", .xml = "name" },
	{ "path", FIELD_TEXT, VIEW_GROUP, .json = "path", .xml = "path", .column = "GROUP" },
	{ "name", FIELD_TEXT, VIEW_POOL, .column = "POOL", .text = field_text_pool },
	{ "group", FIELD_TEXT, VIEW_POOL, .xml = "group" },
	{ "size", FIELD_BYTES, VIEW_GROUP | VIEW_POOL, .json = "size", .column = "SIZE" },
	{ "free", FIELD_BYTES, VIEW_GROUP, .json = "free", .column = "FREE" },
	{ "extent_size", FIELD_BYTES, VIEW_GROUP, .json = "extent_size", .column = "EXTENT" },
	{ "data_used", FIELD_FRACTION, VIEW_POOL, .json = "data_used", .xml = "data_used",
		.column = "DATA" },
	{ "metadata_used", FIELD_FRACTION, VIEW_POOL, .json = "metadata_used",
		.xml = "metadata_used", .column = "METADATA" },

	/* All of img-storage's sizes come last in its XML. */
	{ "size", FIELD_BYTES, VIEW_DIRECTORY | VIEW_GROUP | VIEW_POOL, .xml = "size" },
	{ "free", FIELD_BYTES, VIEW_DIRECTORY | VIEW_GROUP, .xml = "free" },
	{ "extent_size", FIELD_BYTES, VIEW_GROUP, .xml = "extent_size" },
};

const struct field *fields_next(unsigned views, size_t *at)
{
	while (*at < COUNT)
		if (fields[(*at)++].views & views)
			return &fields[*at - 1];
	return NULL;
}

static bool is_fraction(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	return end != text && !*end && v >= 0 && v <= 1;
}

static bool is_time(const char *text)
{
	static const char digits[] = "0123456789";
	size_t whole;

	text += *text == '-';
	whole = strspn(text, digits);
	return whole && text[whole] == '.' && strspn(text + whole + 1, digits) == 9 &&
	       !text[whole + 10];
}

/* "" or an amount, which has at most 19 digits. */
static bool is_size(const char *text)
{
	return !text[strspn(text, "0123456789")] && strlen(text) <= 19 &&
	       strtoull(text, NULL, 10) <= INT64_MAX;
}

static const char *first_bad_size(const struct field *f, const struct kv *record)
{
	const char *text;
	size_t at = 0;

	while ((text = kv_each(record, f->key, &at)) && is_size(text))
		;
	return text;
}

static int check_value(const struct field *f, const struct kv *record)
{
	const char *text = kv_get(record, f->key);
	uint64_t number;
	bool flag;

	switch (f->type) {
	case FIELD_BYTES:
	case FIELD_NUMBER:
		if (kv_get_u64(record, f->key, &number) < 0)
			return -1;
		if (text && number > INT64_MAX)
			break;
		return 0;
	case FIELD_BOOL:
		return kv_get_bool(record, f->key, &flag) < 0 ? -1 : 0;
	case FIELD_FRACTION:
		if (text && !is_fraction(text))
			break;
		return 0;
	case FIELD_TIME:
		if (text && !is_time(text))
			break;
		return 0;
	case FIELD_SIZES:
		text = first_bad_size(f, record);
		if (text)
			break;
		return 0;
	default:
		return 0;
	}
	return err_set(ST_PEER, "protocol error: %s is '%s'", f->key, text);
}

int fields_check(unsigned views, const struct kv *record)
{
	const struct field *f;
	size_t at = 0;

	while ((f = fields_next(views, &at)))
		if (check_value(f, record) < 0)
			return -1;
	return 0;
}
