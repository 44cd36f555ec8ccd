/*
 * img-clean: removes what dead runs left unfinished.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/cli/cli.h"
#include "lib/cli/each.h"
#include "lib/cli/json.h"
#include "lib/cli/results.h"

struct cleaning {
	struct cli *cli;
	struct results results;
	json_t *entries; /* of the location at hand; borrowed */
	int failed;	 /* the status of the first that could not be removed */
};

static json_t *as_json(const struct kv *record)
{
	json_t *o = json_object();

	json_set_text(o, "path", kv_get(record, "path"));
	json_set_text(o, "state", kv_get(record, "state"));
	json_set_text(o, "why", kv_get(record, "why"));
	return o;
}

/* One thing that was found: what became of it, on a line of its own. */
static int show(struct cleaning *k, const struct location *loc, const struct kv *record)
{
	uint64_t status = ST_FAILED;
	const char *path = kv_get(record, "path"), *state = kv_get(record, "state");
	const char *why = kv_get(record, "why");
	char *text;
	bool is_done;

	if (!path || !state)
		return err_set(ST_PEER, "protocol error: a record without a path");
	json_array_append_new(k->entries, as_json(record));
	is_done = strcmp(state, "removed") == 0 || strcmp(state, "resumed") == 0;
	if (is_done && k->cli->json)
		return 0;
	if (is_done) {
		text = location_at(loc, path);
		if (!text)
			return -1;
		cli_print(k->cli, "%s %s",
			!k->cli->dry_run		? state
			: strcmp(state, "removed") == 0 ? "would remove"
							: "would resume",
			text);
		free(text);
		return 0;
	}
	if (strcmp(state, "failed") != 0) {
		log_note("%s: left '%s': %s", loc->text, path, why ? why : state);
		return 0;
	}
	log_error("%s: '%s': %s", loc->text, path, why ? why : state);
	if (kv_get_u64(record, "status", &status) < 0)
		return -1;
	k->failed = k->failed ? k->failed : (int)(status && status <= ST_MAX ? status : ST_FAILED);
	return 0;
}

static int clean_one(struct peer *p, const struct location *loc, void *arg)
{
	struct cleaning *k = arg;
	struct buf args = BUF_INIT;
	struct kv record;
	json_t *o;
	int r, shown = 0;

	if (*loc->path)
		kv_add(&args, "path", loc->path);
	kv_add_bool(&args, "dry_run", k->cli->dry_run);
	r = peer_request(p, "clean", &args);
	buf_fini(&args);
	if (r < 0)
		return -1;
	o = results_object(loc->text);
	k->entries = json_array();
	json_object_set_new(o, "entries", k->entries);
	while (shown == 0 && (r = peer_answer(p, &record)) == 1) {
		shown = show(k, loc, &record);
		kv_fini(&record);
	}
	if (r == 0)
		kv_fini(&record);
	if (r == 0 && shown == 0)
		return results_add(&k->results, o);
	json_decref(o);
	return -1;
}

int main(int argc, char **argv)
{
	struct poptOption options[] = { { NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options,
						0, NULL, NULL },
		POPT_TABLEEND };
	static const char *here[] = { each_this_host, NULL };
	struct cleaning k = { .cli = NULL };
	struct cli cli;
	int status, r;

	cli_begin(&cli, "img-clean",
		"[OPTION...] [LOCATION...]\nRemoves what dead runs left unfinished, here or on "
		"another host.",
		options, argc, argv);
	if (cli.count == 0) {
		cli.args = here;
		cli.count = 1;
	}
	k.cli = &cli;
	results_begin(&k.results, &cli, cli.count);
	status = each_location(&cli, clean_one, &k);
	r = cli_end(&cli, results_end(&k.results));
	return status ? status : k.failed ? k.failed : r;
}
