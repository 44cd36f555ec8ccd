/*
 * img-create: creates an image that reads as zeros.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/cli/command.h"
#include "lib/cli/json.h"

struct creation {
	uint64_t size; /* as asked for */
	int sparse;
};

static int tell_creation(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	const struct creation *asked = c->arg;
	char human[SIZE_HUMAN];
	uint64_t size = 0;

	(void)record;
	if (kv_get_u64(reply, "size", &size) < 0)
		return -1;
	if (size != asked->size)
		log_note("%s: rounded up to full extents: %s (%" PRIu64 " bytes)", loc->text,
			size_human(size, human), size);
	cli_did(&c->cli, "create", "created", "%s, %s%s", loc->text, size_human(size, human),
		asked->sparse ? ", sparse" : "");
	json_set_text(o, "path", kv_get(reply, "path"));
	return json_set_u64(o, "capacity", reply, "size");
}

int main(int argc, char **argv)
{
	struct creation asked = { .size = 0 };
	struct command c = {
		.op = "create", .changes = true, .tell = tell_creation, .arg = &asked
	};
	int no_fsync = 0, r;
	char *thin = NULL;
	struct poptOption options[] = { { "sparse", '\0', POPT_ARG_NONE, &asked.sparse, 0,
						"allocate no space yet", NULL },
		{ "thin", '\0', POPT_ARG_STRING, &thin, 0, "create a thin volume in POOL", "POOL" },
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
	kv_add_u64(&c.keys, "size", asked.size);
	kv_add_bool(&c.keys, "sparse", asked.sparse);
	kv_add(&c.keys, "thin", thin);
	kv_add_bool(&c.keys, "no_fsync", no_fsync);
	free(thin);
	return command_end(&c, r);
}
