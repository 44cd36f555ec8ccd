/*
 * img-rename: gives an image another name in its container.
 */
#include "lib/cli/command.h"
#include "lib/cli/json.h"

static int tell_renaming(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	(void)record;
	cli_did(&c->cli, "rename", "renamed", "%s to %s", loc->text, (const char *)c->arg);
	json_set_text(o, "path", kv_get(reply, "path"));
	return 0;
}

int main(int argc, char **argv)
{
	struct command c = {
		.op = "rename", .changes = true, .path = COMMAND_PATH_IMAGE, .tell = tell_renaming
	};
	int allow_links = 0;
	struct poptOption options[] = { { "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
						"also a file that has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };

	cli_begin(&c.cli, "img-rename",
		"[OPTION...] LOCATION NEWNAME\nGives an image another name beside it.", options,
		argc, argv);
	cli_need_args(&c.cli, 2, 2);
	c.cli.count = 1; /* the other one is the name */
	c.arg = c.cli.args[1];
	kv_add(&c.keys, "name", c.cli.args[1]);
	kv_add_bool(&c.keys, "allow_links", allow_links);
	return command_end(&c, 0);
}
