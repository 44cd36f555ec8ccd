/*
 * resize_show: see resize_show.h.
 */
#include "lib/cli/resize_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/cli/json.h"

struct sizes {
	uint64_t image[2], fs[2]; /* before and after, in bytes; fs: zeros without a filesystem */
	const char *type;	  /* of the filesystem, or NULL */
};

static int read_sizes(struct sizes *s, const struct kv *reply)
{
	s->type = kv_get(reply, "filesystem");
	s->fs[0] = s->fs[1] = 0;
	if (s->type && (kv_get_u64(reply, "filesystem_previous", &s->fs[0]) < 0 ||
			       kv_get_u64(reply, "filesystem_size", &s->fs[1]) < 0))
		return -1;
	return kv_get_u64(reply, "previous", &s->image[0]) < 0 ||
			       kv_get_u64(reply, "size", &s->image[1]) < 0
		       ? -1
		       : 0;
}

/* part: "", or what of it, as "the ext4 filesystem in ". */
static void show_change(
	const struct cli *c, const char *part, const char *image, const uint64_t size[2])
{
	char before[SIZE_HUMAN], after[SIZE_HUMAN];

	if (size[0] == size[1])
		log_note("%s%s: has %s (%" PRIu64 " bytes) already", part, image,
			size_human(size[1], after), size[1]);
	else
		cli_did(c, "resize", "resized", "%s%s from %s to %s (%" PRIu64 " bytes)", part,
			image, size_human(size[0], before), size_human(size[1], after), size[1]);
}

static void show_steps(const struct cli *c, const struct kv *reply)
{
	char human[SIZE_HUMAN];
	bool is_estimate = false;
	uint64_t smallest;
	const char *step;
	size_t at = 0;

	while ((step = kv_each(reply, "step", &at)))
		cli_print(c, "  %s", step);
	if (kv_get_bool(reply, "is_estimate", &is_estimate) > 0 && is_estimate &&
		kv_get_u64(reply, "smallest", &smallest) > 0)
		cli_print(c, "the smallest possible size is about %s (%" PRIu64 " bytes)",
			size_human(smallest, human), smallest);
}

static int add_json(json_t *o, const struct kv *reply, const struct sizes *s)
{
	json_t *fs = s->type ? json_object() : json_null();
	const char *format = kv_get(reply, "format"); /* absent of a raw image */

	json_set_text(o, "path", kv_get(reply, "path"));
	json_set_text(o, "format", format ? format : "raw");
	if (json_set_u64(o, "previous", reply, "previous") < 0 ||
		json_set_u64(o, "capacity", reply, format ? "capacity" : "size") < 0 ||
		json_set_u64(o, "physical", reply, format ? "physical" : "size") < 0 ||
		json_set_u64(o, "smallest", reply, "smallest") < 0 ||
		json_set_bool(o, "is_estimate", reply, "is_estimate") < 0)
		return -1;
	if (s->type) {
		json_set_text(fs, "type", s->type);
		if (json_set_u64(fs, "previous", reply, "filesystem_previous") < 0 ||
			json_set_u64(fs, "size", reply, "filesystem_size") < 0)
			return -1;
	}
	json_object_set_new(o, "filesystem", fs);
	json_set_texts(o, "steps", reply, "step");
	return 0;
}

int resize_show(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	char part[96], *image;
	struct sizes s;

	(void)record;
	if (read_sizes(&s, reply) < 0)
		return -1;
	image = command_target(c, loc, kv_get(reply, "path"));
	if (!image)
		return -1;
	if (!s.type || s.image[0] != s.image[1])
		show_change(&c->cli, "", image, s.image);
	if (s.type) {
		snprintf(part, sizeof(part), "the %.60s filesystem in ", s.type);
		show_change(&c->cli, part, image, s.fs);
	}
	free(image);
	if (c->cli.dry_run && !c->cli.json)
		show_steps(&c->cli, reply);
	return add_json(o, reply, &s);
}
