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

struct cleaning {
	struct cli *cli;
	int failed; /* the status of the first that could not be removed */
};

/* One thing that was found: what became of it, on a line of its own. */
static int show(struct cleaning *k, const struct location *loc, const struct kv *record)
{
	uint64_t status = ST_FAILED;
	const char *path = kv_get(record, "path"), *state = kv_get(record, "state");
	const char *why = kv_get(record, "why");
	char *text;

	if (!path || !state)
		return err_set(ST_PEER, "protocol error: a record without a path");
	if (strcmp(state, "removed") == 0) {
		text = location_at(loc, path);
		if (!text)
			return -1;
		cli_print(k->cli, "%s %s", k->cli->dry_run ? "would remove" : "removed", text);
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
	int r, shown = 0;

	if (*loc->path)
		kv_add(&args, "path", loc->path);
	kv_add_bool(&args, "dry_run", k->cli->dry_run);
	r = peer_request(p, "clean", &args);
	buf_fini(&args);
	if (r < 0)
		return -1;
	while (shown == 0 && (r = peer_answer(p, &record)) == 1) {
		shown = show(k, loc, &record);
		kv_fini(&record);
	}
	if (r == 0)
		kv_fini(&record);
	return r < 0 ? -1 : shown;
}

int main(int argc, char **argv)
{
	struct poptOption options[] = { { NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options,
						0, NULL, NULL },
		POPT_TABLEEND };
	static const char *here[] = { each_this_host, NULL };
	struct cleaning k = { NULL, 0 };
	struct cli cli;
	int status, r;

	cli_begin(&cli, "img-clean", "[OPTION...] [LOCATION...]", options, argc, argv);
	if (cli.count == 0) {
		cli.args = here;
		cli.count = 1;
	}
	k.cli = &cli;
	status = each_location(&cli, clean_one, &k);
	r = cli_end(&cli, 0);
	return status ? status : k.failed ? k.failed : r;
}
