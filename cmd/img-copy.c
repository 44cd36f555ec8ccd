/*
 * img-copy: makes a copy of an image, here or on another host.
 */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/cli/cli.h"
#include "lib/cli/copy_show.h"
#include "lib/cli/progress.h"
#include "lib/job/transfer.h"

static int copy(struct cli *c, struct transfer *t)
{
	struct transfer_result res;
	bool watched;
	int r = -1;

	if (cli_location(&t->from, c->args[0]) < 0 || cli_location(&t->to, c->args[1]) < 0)
		goto out;
	if (t->to.is_stdio && c->json) {
		err_set(ST_USAGE, "--json and the target '-' both need standard output");
		goto out;
	}
	progress_begin(c);
	if (progress_is_on())
		t->progress = progress_show;
	watched = progress_is_on() && c->progress != CLI_PROGRESS_JSON;
	r = transfer_run(t, &c->peer, &res);
	progress_end();
	if (r < 0)
		goto out;
	r = copy_show(c, watched, t, &res);
	free(res.target);
out:
	location_fini(&t->from);
	location_fini(&t->to);
	return r;
}

int main(int argc, char **argv)
{
	int archive = 0, overwrite = 0, sparse = 0, live = 0, allow_links = 0;
	struct poptOption options[] = {
		{ "archive", 'a', POPT_ARG_NONE, &archive, 0, "make an lzop archive", NULL },
		{ "overwrite", '\0', POPT_ARG_NONE, &overwrite, 0, "replace DST if it exists", NULL },
		{ "sparse", '\0', POPT_ARG_NONE, &sparse, 0, "leave holes where there are zeros", NULL },
		{ "live", '\0', POPT_ARG_NONE, &live, 0, "also if SRC is being written to", NULL },
		{ "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
			"also replace a file that has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_copying_options, 0, NULL, NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_json_options, 0, NULL, NULL },
		POPT_TABLEEND
	};
	struct transfer t = { .archive = false };
	struct cli cli;

	cli_begin(&cli, "img-copy", "[OPTION...] SRC DST", options, argc, argv);
	cli_need_args(&cli, 2, 2);
	t.archive = archive;
	t.overwrite = overwrite;
	t.sparse = sparse;
	t.live = live;
	t.allow_links = allow_links;
	t.dry_run = cli.dry_run;
	t.want_digest = cli.json;
	t.compress = (enum flow_compress)cli_copying.compress;
	t.jobs = cli_copying.jobs;
	t.bwlimit = cli_copying.bwlimit;
	t.no_fsync = cli_copying.no_fsync;
	return cli_end(&cli, copy(&cli, &t));
}
