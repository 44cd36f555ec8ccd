/*
 * img-snap: takes a snapshot of an image, and keeps it.
 */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/cli/command.h"
#include "lib/cli/json.h"

static int tell_snapshot(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	const char *path = kv_get(reply, "path");
	char *text = path ? location_at(loc, path) : NULL;

	(void)record;
	if (!text)
		return path ? -1 : err_set(ST_PEER, "protocol error: a snapshot without a path");
	if (!c->cli.json)
		cli_print(&c->cli, "%s", text);
	json_set_text(o, "snapshot", text);
	json_set_text(o, "path", path);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	struct command c = {
		.op = "snap", .changes = true, .path = COMMAND_PATH_IMAGE, .tell = tell_snapshot
	};
	char *name = NULL, *size = NULL;
	struct poptOption options[] = {
		{ "name", '\0', POPT_ARG_STRING, &name, 0,
			"name of the snapshot (default: the image's, with the time)", "NAME" },
		{ "size", '\0', POPT_ARG_STRING, &size, 0,
			"size of a thick volume's snapshot (its copy-on-write space)", "SIZE" },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND
	};
	uint64_t bytes;
	int r = 0;

	cli_begin(&c.cli, "img-snap",
		"[OPTION...] LOCATION\nTake a snapshot of an image, and keep it.", options, argc,
		argv);
	cli_need_args(&c.cli, 1);
	kv_add(&c.keys, "name", name);
	if (size)
		r = cli_size("--size", size, &bytes);
	if (size && r == 0)
		kv_add_u64(&c.keys, "size", bytes);
	free(name);
	free(size);
	return command_end(&c, r);
}
