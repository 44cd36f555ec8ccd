/*
 * img-storage: shows what a host can do with images, and its space.
 */
#include "lib/base/err.h"
#include "lib/cli/cli.h"
#include "lib/cli/each.h"
#include "lib/cli/storage_show.h"
#include "lib/cli/usage.h"

static int check_host(const struct location *loc, void *arg)
{
	(void)arg;
	return *loc->path ? usage_error("names an image, not a host (write HOST:)") : 0;
}

static int show_host(struct peer *p, const struct location *loc, void *arg)
{
	(void)loc;
	if (peer_request(p, "storage", NULL) < 0)
		return -1;
	return storage_show(p, *(enum storage_form *)arg);
}

int main(int argc, char **argv)
{
	int xml = 0;
	struct poptOption options[] = { { "xml", '\0', POPT_ARG_NONE, &xml, 0,
						"print the result as XML", NULL },
		POPT_TABLEEND };
	enum storage_form form;
	struct cli cli;
	int status = ST_OK, r;

	cli_begin(&cli, "img-storage",
		"[OPTION...] [HOST:]\nShow what a host can do with images, and how much space it "
		"has.",
		options, argc, argv);
	cli_need_args(&cli, 1);
	each_default(&cli, each_this_host);
	if (xml && cli.json) {
		usage_error("--json and --xml exclude each other");
		return cli_end(&cli, -1);
	}
	form = xml ? STORAGE_XML : cli.json ? STORAGE_JSON : STORAGE_TABLE;
	each_location(&cli, check_host, show_host, &form, &status);
	r = cli_end(&cli, 0);
	return status ? status : r;
}
