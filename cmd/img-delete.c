/*
 * img-delete: removes images.
 */
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/cli/cli.h"
#include "lib/cli/each.h"
#include "lib/cli/json.h"
#include "lib/cli/results.h"

struct removal {
	const struct cli *cli;
	int force, allow_links;
	struct results results;
};

static int delete_one(struct peer *p, const struct location *loc, void *arg)
{
	struct removal *d = arg;
	struct buf args = BUF_INIT;
	struct kv reply;
	json_t *o;
	int r;

	kv_add(&args, "path", *loc->path ? loc->path : ".");
	kv_add_bool(&args, "force", d->force);
	kv_add_bool(&args, "allow_links", d->allow_links);
	kv_add_bool(&args, "dry_run", d->cli->dry_run);
	r = peer_call(p, "delete", &args, NULL, &reply);
	buf_fini(&args);
	if (r < 0)
		return -1;
	if (kv_get(&reply, "absent"))
		log_info("%s: is not there", loc->text);
	else
		cli_did(d->cli, "delete", "deleted", "%s", loc->text);
	o = results_object(loc->text);
	json_set_text(o, "path", kv_get(&reply, "path"));
	json_object_set_new(o, "deleted", json_boolean(!kv_get(&reply, "absent")));
	kv_fini(&reply);
	return results_add(&d->results, o);
}

int main(int argc, char **argv)
{
	struct removal d = { .cli = NULL };
	struct poptOption options[] = { { "force", 'f', POPT_ARG_NONE, &d.force, 0,
						"an absent image is no error", NULL },
		{ "allow-links", '\0', POPT_ARG_NONE, &d.allow_links, 0,
			"also a file that has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };
	struct cli cli;
	int status, r;

	cli_begin(&cli, "img-delete", "[OPTION...] LOCATION...\nRemoves images.", options, argc,
		argv);
	cli_need_args(&cli, 1, -1);
	d.cli = &cli;
	results_begin(&d.results, &cli, cli.count);
	status = each_location(&cli, delete_one, &d);
	r = cli_end(&cli, results_end(&d.results));
	return status ? status : r;
}
