/*
 * copy_run: see copy_run.h.
 */
#include "lib/cli/copy_run.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/cli/copy_show.h"
#include "lib/cli/progress.h"

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
		err_set(ST_USAGE, "--json and the target '-' both need standard output");
		goto out;
	}
	if (t->to.is_stdio && t->in_place) {
		err_set(ST_USAGE, "'-' cannot be the target: it is not an existing image");
		goto out;
	}
	if (t->to.is_stdio && !c->dry_run && isatty(STDOUT_FILENO)) {
		err_set(ST_USAGE, "standard output is a terminal: redirect it to get the image");
		goto out;
	}
	copy_options(t, c);
	if (t->from.is_stdio &&
		t->volume_len) { /* the length of the stream, which the target gets */
		t->has_stream_len = true;
		t->stream_len = t->volume_len;
		t->volume_len = 0;
	}
	if (t->in_place && t->volume_len) {
		err_set(ST_USAGE, "--size is for '-' as source and for new volumes");
		goto out;
	}
	if (!t->snapshot && (t->snapshot_size || t->pre_snapshot || t->post_snapshot)) {
		err_set(ST_USAGE,
			"--snapshot-size, --pre-snapshot and --post-snapshot need --snapshot");
		goto out;
	}
	if (t->snapshot && (t->live || t->from.is_stdio)) {
		err_set(ST_USAGE, t->live ? "--snapshot and --live exclude each other"
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
