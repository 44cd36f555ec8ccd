/*
 * img-resizefs: resizes the filesystem in an image, and its last partition.
 */
#include "lib/base/err.h"
#include "lib/cli/command.h"
#include "lib/cli/resize_show.h"
#include "lib/cli/usage.h"

/* The second argument, if there is one.  0, or -1 recorded. */
static int add_size(struct command *c)
{
	uint64_t size;

	if (c->cli.count < 2)
		return 0;
	if (cli_size("SIZE", c->cli.args[1], &size) < 0)
		return -1;
	if (size == 0)
		return usage_error("SIZE must be more than 0");
	kv_add_u64(&c->keys, "size", size);
	c->cli.count = 1;
	return 0;
}

int main(int argc, char **argv)
{
	struct command c = { .op = "resizefs",
		.path = COMMAND_PATH_IMAGE,
		.changes = true,
		.reply = "path previous size filesystem",
		.tell = resize_show };
	int shrink = 0, in_place = 0, allow_links = 0, r;
	struct poptOption options[] = { { "shrink", '\0', POPT_ARG_NONE, &shrink, 0,
						"allow to make the filesystem smaller", NULL },
		{ "in-place", '\0', POPT_ARG_NONE, &in_place, 0,
			"neither a copy nor a snapshot as the way back", NULL },
		{ "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
			"with --in-place: also in a file that has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };

	cli_begin(&c.cli, "img-resizefs",
		"[OPTION...] LOCATION [SIZE]\nResize the filesystem in an image; without SIZE it "
		"fills the image.",
		options, argc, argv);
	cli_need_args(&c.cli, c.cli.count == 2 ? 2 : 1);
	r = add_size(&c);
	kv_add_bool(&c.keys, "shrink", shrink);
	kv_add_bool(&c.keys, "in_place", in_place);
	kv_add_bool(&c.keys, "allow_links", allow_links);
	return command_end(&c, r);
}
