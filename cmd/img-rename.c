/*
 * img-rename: renames an image within its container.
 */
#include <stdlib.h>

#include "lib/cli/command.h"
#include "lib/cli/json.h"

static int tell_rename(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	char *to = command_target(c, loc, kv_get(reply, "path"));

	(void)record;
	if (!to)
		return -1;
	cli_did(&c->cli, "rename", "renamed", "%s to %s", loc->text,
		c->cli.dry_run ? to : (const char *)c->arg);
	free(to);
	json_set_text(o, "path", kv_get(reply, "path"));
	return 0;
}

int main(int argc, char **argv)
{
	struct command c = { .op = "rename",
		.changes = true,
		.path = COMMAND_PATH_IMAGE,
		.reply = "path",
		.tell = tell_rename };
	int allow_links = 0;
	struct poptOption options[] = { { "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
						"rename a file even if it has several links",
						NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };

	cli_begin(&c.cli, "img-rename", "[OPTION...] LOCATION NEWNAME\nRename an image.", options,
		argc, argv);
	cli_need_args(&c.cli, 2);
	c.cli.count = 1; /* the second argument is the name */
	c.arg = c.cli.args[1];
	kv_add(&c.keys, "name", c.cli.args[1]);
	kv_add_bool(&c.keys, "allow_links", allow_links);
	return command_end(&c, 0);
}
