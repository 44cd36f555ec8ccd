/*
 * img-list: lists the images in containers.
 */
#include "lib/base/err.h"
#include "lib/cli/cli.h"
#include "lib/cli/each.h"
#include "lib/cli/list_show.h"
#include "lib/cli/usage.h"

struct listing {
	struct list_show show;
	int recursive, status;
};

static int list_one(struct peer *p, const struct location *loc, void *arg)
{
	struct listing *l = arg;
	struct buf args = BUF_INIT;
	int r;

	if (*loc->path)
		kv_add(&args, "path", loc->path);
	kv_add_bool(&args, "recursive", l->recursive);
	r = peer_request_list(p, "list", &args);
	buf_fini(&args);
	return r < 0 ? -1 : list_show_one(&l->show, p, loc, &l->status);
}

int main(int argc, char **argv)
{
	struct listing l = { .recursive = 0 };
	int r, xml = 0;
	struct poptOption options[] = { { "recursive", 'R', POPT_ARG_NONE, &l.recursive, 0,
						"list recursively", NULL },
		{ "xml", '\0', POPT_ARG_NONE, &xml, 0, "print the result as XML", NULL },
		POPT_TABLEEND };
	struct cli cli;

	cli_begin(&cli, "img-list",
		"[OPTION...] [LOCATION...]\nList the images in directories and volume groups.",
		options, argc, argv);
	each_default(&cli, ".");
	if (xml && cli.json) {
		usage_error("--json and --xml exclude each other");
		return cli_end(&cli, -1);
	}
	if (list_show_begin(&l.show, xml ? LIST_XML : cli.json ? LIST_JSON : LIST_TABLE, &cli) < 0)
		return cli_end(&cli, -1);
	each_location(&cli, NULL, list_one, &l, &l.status);
	r = cli_end(&cli, list_show_end(&l.show));
	return l.status ? l.status : r;
}
