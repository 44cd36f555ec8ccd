/*
 * pack: the helper does all of the work.
 */
#include "lib/cli/pack.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/cli/command.h"
#include "lib/cli/json.h"
#include "lib/job/parts.h"

struct pack {
	const char *did; /* "archived" */
	int keep;
};

static int tell_packed(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	const struct pack *k = c->arg;
	const char *path = kv_get(record, "path");
	char size[SIZE_HUMAN], *target;
	uint64_t capacity = 0;
	bool kept = false;

	if (!c->cli.dry_run && kv_need(reply, "an OK", "capacity data_bytes hole_bytes digest") < 0)
		return -1;
	if (kv_get_u64(record, "capacity", &capacity) < 0)
		return -1;
	target = command_target(c, loc, path);
	if (!target)
		return -1;
	cli_did(&c->cli, c->op, k->did, "%s into %s, %s", loc->text, c->cli.dry_run ? target : path,
		size_human(capacity, size));
	free(target);
	json_object_clear(o); /* what other commands call `location` is the source here */
	json_set_text(o, "source", loc->text);
	parts_warn(loc->text, record, k->did);
	json_set_text(o, "path", path);
	if (json_set_u64(o, "capacity", record, "capacity") < 0 ||
		json_set_u64(o, "data_bytes", reply, "data_bytes") < 0 ||
		json_set_u64(o, "hole_bytes", reply, "hole_bytes") < 0 ||
		kv_get_bool(reply, "kept", &kept) < 0)
		return -1;
	json_set_text(o, "digest", kv_get(reply, "digest"));
	json_object_set_new(o, "kept", json_boolean(kept || k->keep));
	return 0;
}

int pack_main(
	int argc, char **argv, const char *name, const char *help, const char *op, const char *did)
{
	struct pack k = { .did = did };
	struct command c = { .op = op,
		.path = COMMAND_PATH_IMAGE,
		.changes = true,
		.record = "path capacity",
		.phase = op,
		.tell = tell_packed,
		.arg = &k };
	bool packs = strcmp(op, "archive") == 0;
	int allow_links = 0, as_is = 0, sparse = 0;
	struct poptOption packing[] = { { "as-is", '\0', POPT_ARG_NONE, &as_is, 0,
						"take the bytes as they are, even of an archive",
						NULL },
		POPT_TABLEEND };
	struct poptOption unpacking[] = { { "sparse", '\0', POPT_ARG_NONE, &sparse, 0,
						  "store zeros as holes", NULL },
		POPT_TABLEEND };
	struct poptOption options[] = { { "keep", 'k', POPT_ARG_NONE, &k.keep, 0,
						"keep the original", NULL },
		{ "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
			"replace a file even if it has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, packs ? packing : unpacking, 0, NULL, NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_working_options, 0, NULL, NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };

	cli_begin(&c.cli, name, help, options, argc, argv);
	cli_need_args(&c.cli, -1);
	kv_add_bool(&c.keys, "keep", k.keep);
	kv_add_bool(&c.keys, "allow_links", allow_links);
	kv_add_bool(&c.keys, "as_is", as_is);
	kv_add_bool(&c.keys, "sparse", sparse);
	kv_add_u64(&c.keys, "jobs", cli_copying.jobs);
	kv_add_u64(&c.keys, "bwlimit", cli_copying.bwlimit);
	return command_end(&c, 0);
}
