/*
 * img-info: what images are.
 */
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/cli/cli.h"
#include "lib/cli/each.h"
#include "lib/cli/info_show.h"
#include "lib/cli/results.h"

struct show {
	bool as_json;
	struct results results;
	int shown;
};

static int show_one(struct peer *p, const struct location *loc, void *arg)
{
	struct show *s = arg;
	struct buf args = BUF_INIT;
	struct kv record;
	int r;

	kv_add(&args, "path", *loc->path ? loc->path : ".");
	r = peer_call(p, "info", &args, &record, NULL);
	buf_fini(&args);
	if (r < 0)
		return -1;
	if (s->as_json) {
		r = results_add(&s->results, info_show_json(loc, &record));
	} else {
		if (s->shown++)
			putchar('\n');
		r = info_show_table(loc, &record);
	}
	kv_fini(&record);
	return r;
}

int main(int argc, char **argv)
{
	struct poptOption options[] = { POPT_TABLEEND };
	struct show s = { .shown = 0 };
	struct cli cli;
	int status, r;

	cli_begin(&cli, "img-info",
		"[OPTION...] LOCATION...\nShows what images are, how large, and who uses them.",
		options, argc, argv);
	cli_need_args(&cli, 1, -1);
	s.as_json = cli.json;
	results_begin(&s.results, &cli, cli.count);
	status = each_location(&cli, show_one, &s);
	r = cli_end(&cli, results_end(&s.results));
	return status ? status : r;
}
