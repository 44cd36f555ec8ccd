/*
 * copy_run: see copy_run.h.
 */
#include "lib/cli/copy_run.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/cli/copy_show.h"
#include "lib/cli/progress.h"
#include "lib/cli/usage.h"

static void copy_options(struct transfer *t, const struct cli *c)
{
	t->dry_run = c->dry_run;
	t->want_digest = c->json;
	t->compress = (enum flow_compress)cli_copying.compress;
	t->jobs = cli_copying.jobs;
	t->bwlimit = cli_copying.bwlimit;
	t->no_fsync = cli_copying.no_fsync;
	t->snapshot = cli_copying.snapshot;
	t->snapshot_size = cli_copying.snapshot_size;
	t->pre_snapshot = cli_copying.pre_snapshot;
	t->post_snapshot = cli_copying.post_snapshot;
}

int copy_run(struct cli *c, struct transfer *t)
{
	struct transfer_result res;
	bool watched;
	int r = -1;

	if (cli_location(&t->from, c->args[0]) < 0 || cli_location(&t->to, c->args[1]) < 0)
		goto out;
	if (t->to.is_stdio && c->json) {
		usage_error("--json and the target '-' both need standard output");
		goto out;
	}
	if (t->to.is_stdio && t->in_place) {
		usage_error("'-' cannot be the target: it is not an existing image");
		goto out;
	}
	if (t->to.is_stdio && !c->dry_run && isatty(STDOUT_FILENO)) {
		usage_error("standard output is a terminal: redirect it to get the image");
		goto out;
	}
	copy_options(t, c);
	if (!t->snapshot && (t->snapshot_size || t->pre_snapshot || t->post_snapshot)) {
		usage_error("--snapshot-size, --pre-snapshot and --post-snapshot need --snapshot");
		goto out;
	}
	if (t->snapshot && (t->live || t->from.is_stdio)) {
		usage_error("%s", t->live ? "--snapshot and --live exclude each other"
					  : "--snapshot needs an image as source, not '-'");
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
	free(res.snapshot);
out:
	location_fini(&t->from);
	location_fini(&t->to);
	return r;
}
