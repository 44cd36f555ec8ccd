/*
 * img-info: shows what images are.
 */
#include <stdio.h>

#include "lib/cli/command.h"
#include "lib/cli/info_show.h"

static int tell_image(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	static bool is_later;

	(void)reply;
	if (c->cli.json)
		return info_show_json(o, loc, record);
	if (is_later)
		putchar('\n');
	is_later = true;
	return info_show_table(loc, record);
}

int main(int argc, char **argv)
{
	struct command c = { .op = "info", .tell = tell_image };
	struct poptOption options[] = { POPT_TABLEEND };

	cli_begin(&c.cli, "img-info",
		"[OPTION...] LOCATION...\nShow the format, size, content and use of images.",
		options, argc, argv);
	cli_need_args(&c.cli, -1);
	return command_end(&c, 0);
}
