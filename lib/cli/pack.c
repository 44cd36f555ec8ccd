/*
 * pack: each location in turn; the helper does all the rest.
 */
#include "lib/cli/pack.h"

#include "lib/base/err.h"
#include "lib/cli/cli.h"
#include "lib/cli/each.h"
#include "lib/cli/json.h"
#include "lib/cli/progress.h"
#include "lib/cli/results.h"

struct pack {
	struct cli *cli;
	const char *op, *did;
	int keep, allow_links;
	struct results results;
};

static json_t *as_json(
	const struct pack *k, const char *location, const struct kv *record, const struct kv *reply)
{
	json_t *o = json_object();
	bool kept = false;

	json_set_text(o, "source", location);
	json_set_text(o, "path", kv_get(record, "path"));
	if (json_set_u64(o, "capacity", record, "capacity") < 0 ||
		json_set_u64(o, "data_bytes", reply, "data_bytes") < 0 ||
		json_set_u64(o, "hole_bytes", reply, "hole_bytes") < 0 ||
		kv_get_bool(reply, "kept", &kept) < 0) {
		json_decref(o);
		return NULL;
	}
	json_set_text(o, "digest", kv_get(reply, "digest"));
	json_object_set_new(o, "kept", json_boolean(kept || k->keep));
	return o;
}

static int pack_one(struct peer *p, const struct location *loc, void *arg)
{
	struct pack *k = arg;
	struct buf args = BUF_INIT;
	struct kv record, reply;
	const char *path;
	int r;

	kv_add(&args, "path", *loc->path ? loc->path : ".");
	kv_add_bool(&args, "keep", k->keep);
	kv_add_bool(&args, "allow_links", k->allow_links);
	kv_add_bool(&args, "dry_run", k->cli->dry_run);
	kv_add_bool(&args, "progress", progress_is_on());
	kv_add_u64(&args, "jobs", cli_copying.jobs);
	kv_add_u64(&args, "bwlimit", cli_copying.bwlimit);
	r = peer_call(p, k->op, &args, &record, &reply);
	buf_fini(&args);
	if (r < 0)
		return -1;
	path = kv_get(&record, "path");
	cli_did(k->cli, k->op, k->did, "%s into %s", loc->text, path ? path : "another file");
	r = results_add(&k->results, as_json(k, loc->text, &record, &reply));
	kv_fini(&record);
	kv_fini(&reply);
	return r;
}

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
	progress_show(NULL, arg, done, total, 0);
}

int pack_main(
	int argc, char **argv, const char *name, const char *help, const char *op, const char *did)
{
	struct pack k = { .op = op, .did = did };
	struct poptOption options[] = { { "keep", 'k', POPT_ARG_NONE, &k.keep, 0,
						"keep the original", NULL },
		{ "allow-links", '\0', POPT_ARG_NONE, &k.allow_links, 0,
			"also a file that has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_working_options, 0, NULL, NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };
	struct cli cli;
	int status, r;

	cli_begin(&cli, name, help, options, argc, argv);
	cli_need_args(&cli, 1, -1);
	k.cli = &cli;
	results_begin(&k.results, &cli, cli.count);
	progress_begin(&cli);
	if (progress_is_on()) {
		cli.peer.progress = on_progress;
		cli.peer.arg = (void *)(uintptr_t)op;
	}
	status = each_location(&cli, pack_one, &k);
	progress_end();
	r = cli_end(&cli, results_end(&k.results));
	return status ? status : r;
}
