/*
 * img-info: what images are.
 */
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/cli/cli.h"
#include "lib/cli/each.h"
#include "lib/cli/info_show.h"
#include "lib/cli/json.h"

struct show {
	json_t *all; /* NULL: as tables */
	int shown;
};

static int show_one(struct peer *p, const struct location *loc, void *arg)
{
	struct show *s = arg;
	struct buf args = BUF_INIT;
	struct kv record;
	json_t *object;
	int r;

	kv_add(&args, "path", *loc->path ? loc->path : ".");
	r = peer_call(p, "info", &args, &record, NULL);
	buf_fini(&args);
	if (r < 0)
		return -1;
	if (s->all) {
		object = info_show_json(loc, &record);
		r = object ? json_array_append_new(s->all, object) : -1;
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
	struct poptOption options[] = { { NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_json_options, 0,
						NULL, NULL },
		POPT_TABLEEND };
	struct show s = { NULL, 0 };
	struct cli cli;
	int status, r = 0;

	cli_begin(&cli, "img-info", "[OPTION...] LOCATION...", options, argc, argv);
	cli_need_args(&cli, 1, -1);
	if (cli.json)
		s.all = json_array();
	status = each_location(&cli, show_one, &s);
	/* One location gives an object, several an array of those that could be read. */
	if (cli.json && json_array_size(s.all))
		r = json_print(json_incref(cli.count == 1 ? json_array_get(s.all, 0) : s.all));
	json_decref(s.all);
	r = cli_end(&cli, r);
	return status ? status : r;
}
