/*
 * img-create: creates an image that reads as zeros.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/cli/command.h"
#include "lib/cli/json.h"
#include "lib/cli/usage.h"

struct creation {
	uint64_t size, volume_size; /* as asked for; volume_size is 0 if it was not */
	int sparse;
	bool is_qcow2;
	char *format, *backing, *volume, *thin; /* values of options, or NULL */
};

static void tell_rounding(const struct location *loc, const char *what, uint64_t size)
{
	char human[SIZE_HUMAN];

	log_note("%s: rounded up to full %s: %s (%" PRIu64 " bytes)", loc->text, what,
		size_human(size, human), size);
}

/* The members for a qcow2 image.  0, or -1 recorded. */
static int add_qcow2_members(json_t *o, const struct kv *reply)
{
	json_t *backing = kv_get(reply, "backing.recorded") ? json_object() : json_null();

	json_set_text(o, "format", "qcow2");
	if (json_is_object(backing)) {
		json_set_text(backing, "path", kv_get(reply, "backing.path"));
		json_set_text(backing, "recorded", kv_get(reply, "backing.recorded"));
		json_set_text(backing, "format", kv_get(reply, "backing.format"));
	}
	json_object_set_new(o, "backing", backing);
	return json_set_u64(o, "physical", reply, "physical");
}

static int tell_creation(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	const struct creation *asked = c->arg;
	const char *backing = kv_get(reply, "backing.recorded");
	const char *format = kv_get(reply, "backing.format");
	char human[SIZE_HUMAN], physical_human[SIZE_HUMAN], *target;
	uint64_t size = 0, physical = 0;

	(void)record;
	if (asked->is_qcow2 && kv_need(reply, "an OK", "physical") < 0)
		return -1;
	if (kv_get_u64(reply, "size", &size) < 0 || kv_get_u64(reply, "physical", &physical) < 0)
		return -1;
	if (size != asked->size)
		tell_rounding(loc, asked->is_qcow2 ? "sectors" : "extents", size);
	if (asked->volume_size && physical != asked->volume_size)
		tell_rounding(loc, "extents", physical);
	target = command_target(c, loc, kv_get(reply, "path"));
	if (!target)
		return -1;
	size_human(size, human);
	size_human(physical, physical_human);
	if (!asked->is_qcow2)
		cli_did(&c->cli, "create", "created", "%s, %s%s", target, human,
			asked->sparse ? ", sparse" : "");
	else if (backing)
		cli_did(&c->cli, "create", "created", "%s, %s, qcow2 in %s, backing file %s (%s)",
			target, human, physical_human, backing, format ? format : "?");
	else
		cli_did(&c->cli, "create", "created", "%s, %s, qcow2 in %s", target, human,
			physical_human);
	free(target);
	json_set_text(o, "path", kv_get(reply, "path"));
	if (asked->is_qcow2 && add_qcow2_members(o, reply) < 0)
		return -1;
	return json_set_u64(o, "capacity", reply, "size");
}

/* 0, or -1 recorded. */
static int check_options(struct creation *asked)
{
	static const char *const formats[] = { "raw", "qcow2", NULL };
	int format = asked->format ? usage_word("format", asked->format, formats) : 0;

	if (format < 0)
		return -1;
	asked->is_qcow2 = format > 0;
	if (asked->backing && !asked->is_qcow2)
		return usage_error("--backing needs --format qcow2");
	if (asked->volume && !asked->is_qcow2)
		return usage_error("--volume-size needs --format qcow2");
	if (asked->backing && !*asked->backing)
		return usage_error("--backing is empty");
	return asked->volume ? cli_size("--volume-size", asked->volume, &asked->volume_size) : 0;
}

static void add_format_keys(struct buf *keys, const struct creation *asked)
{
	if (!asked->is_qcow2)
		return;
	kv_add(keys, "format", "qcow2");
	kv_add(keys, "backing", asked->backing);
	if (asked->volume)
		kv_add_u64(keys, "volume_size", asked->volume_size);
}

int main(int argc, char **argv)
{
	struct creation asked = { .size = 0 };
	struct command c = { .op = "create",
		.path = COMMAND_PATH_IMAGE,
		.changes = true,
		.reply = "path size",
		.tell = tell_creation,
		.arg = &asked };
	int no_fsync = 0, r;
	struct poptOption options[] = { { "sparse", '\0', POPT_ARG_NONE, &asked.sparse, 0,
						"allocate no space yet", NULL },
		{ "thin", '\0', POPT_ARG_STRING, &asked.thin, 0, "create a thin volume in POOL",
			"POOL" },
		{ "format", '\0', POPT_ARG_STRING, &asked.format, 0,
			"raw (the default), or qcow2 for a guest's disk of SIZE", "FORMAT" },
		{ "backing", '\0', POPT_ARG_STRING, &asked.backing, 0,
			"with --format qcow2: read from PATH what is not written yet", "PATH" },
		{ "volume-size", '\0', POPT_ARG_STRING, &asked.volume, 0,
			"with --format qcow2: the size of the volume", "SIZE" },
		{ "no-fsync", '\0', POPT_ARG_NONE, &no_fsync, 0, "do not sync the image to disk",
			NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };

	cli_begin(&c.cli, "img-create",
		"[OPTION...] LOCATION SIZE\nCreate an image that reads as zeros.", options, argc,
		argv);
	cli_need_args(&c.cli, 2);
	c.cli.count = 1; /* the second argument is the size */
	r = cli_size("SIZE", c.cli.args[1], &asked.size);
	if (r == 0)
		r = check_options(&asked);
	kv_add_u64(&c.keys, "size", asked.size);
	kv_add_bool(&c.keys, "sparse", asked.sparse);
	kv_add(&c.keys, "thin", asked.thin);
	add_format_keys(&c.keys, &asked);
	kv_add_bool(&c.keys, "no_fsync", no_fsync);
	r = command_end(&c, r);
	free(asked.thin);
	free(asked.format);
	free(asked.backing);
	free(asked.volume);
	return r;
}
