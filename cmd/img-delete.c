/*
 * img-delete: deletes images.
 */
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/cli/command.h"
#include "lib/cli/json.h"

static int tell_deletion(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	bool is_absent = kv_get(reply, "absent") != NULL;
	char *target;

	(void)record;
	if (!is_absent && kv_need(reply, "an OK", "path") < 0)
		return -1;
	target = command_target(c, loc, kv_get(reply, "path"));
	if (!target)
		return -1;
	if (is_absent)
		log_info("%s: does not exist", loc->text);
	else
		cli_did(&c->cli, "delete", "deleted", "%s", target);
	free(target);
	json_set_text(o, "path", kv_get(reply, "path"));
	json_object_set_new(o, "deleted", json_boolean(!is_absent));
	return 0;
}

int main(int argc, char **argv)
{
	struct command c = {
		.op = "delete", .path = COMMAND_PATH_IMAGE, .changes = true, .tell = tell_deletion
	};
	int force = 0, allow_links = 0;
	struct poptOption options[] = { { "force", 'f', POPT_ARG_NONE, &force, 0,
						"ignore images that do not exist", NULL },
		{ "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
			"delete a file even if it has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };

	cli_begin(&c.cli, "img-delete", "[OPTION...] LOCATION...\nDelete images.", options, argc,
		argv);
	cli_need_args(&c.cli, -1);
	kv_add_bool(&c.keys, "force", force);
	kv_add_bool(&c.keys, "allow_links", allow_links);
	return command_end(&c, 0);
}
