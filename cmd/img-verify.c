/*
 * img-verify: checks an image, or compares the contents of two.
 */
#include "lib/cli/cli.h"
#include "lib/cli/usage.h"
#include "lib/cli/verify_chain.h"
#include "lib/cli/verify_pair.h"
#include "lib/cli/verify_run.h"

static int verify(struct cli *c, const struct verify_want *w, bool chain)
{
	if (chain && (w->as_is || c->count > 1))
		return usage_error(w->as_is ? "--chain and --as-is exclude each other"
					    : "--chain verifies one image");
	if (chain && (cli_copying.jobs || cli_copying.bwlimit))
		return usage_error("--jobs and --bwlimit are for reading the data, which --chain "
				   "does not do");
	if (chain)
		return verify_chain(c, w->live);
	return c->count == 1 ? verify_run(c, w) : verify_pair(c, w);
}

int main(int argc, char **argv)
{
	int live = 0, as_is = 0, chain = 0;
	struct poptOption options[] = {
		{ "chain", '\0', POPT_ARG_NONE, &chain, 0,
			"verify the structure of each layer, without reading all data", NULL },
		{ "live", '\0', POPT_ARG_NONE, &live, 0, "read an image even if it is in use",
			NULL },
		{ "as-is", '\0', POPT_ARG_NONE, &as_is, 0,
			"read the bytes as they are: unpack no archive, read no layers", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_working_options, 0, NULL, NULL },
		POPT_TABLEEND
	};
	struct verify_want want = { .live = false };
	struct cli cli;

	cli_begin(&cli, "img-verify",
		"[OPTION...] LOCATION [LOCATION2]\nCheck an image, or compare the contents of two.",
		options, argc, argv);
	cli_need_args(&cli, 2);
	want.live = live;
	want.as_is = as_is;
	return cli_end(&cli, verify(&cli, &want, chain));
}
