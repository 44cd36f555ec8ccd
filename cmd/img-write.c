/*
 * img-write: fills an existing image with the contents of another.
 */
#include <stdlib.h>

#include "lib/cli/cli.h"
#include "lib/cli/copy_run.h"

int main(int argc, char **argv)
{
	char *size = NULL;
	int live = 0, as_is = 0, change_format = 0, sparse = 0, allow_links = 0;
	struct poptOption options[] = { { "live", '\0', POPT_ARG_NONE, &live, 0,
						"copy SRC even if it is in use", NULL },
		{ "as-is", '\0', POPT_ARG_NONE, &as_is, 0,
			"copy the bytes as they are: do not unpack an archive", NULL },
		{ "change-format", '\0', POPT_ARG_NONE, &change_format, 0,
			"write qcow2 content even over other content", NULL },
		{ "size", '\0', POPT_ARG_STRING, &size, 0, "length of SRC if it is '-'", "SIZE" },
		{ "sparse", '\0', POPT_ARG_NONE, &sparse, 0, "store zeros as holes", NULL },
		{ "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
			"write to a file even if it has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_snapshot_options, 0, NULL, NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_copying_options, 0, NULL, NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };
	struct transfer t = { .in_place = true };
	struct cli cli;
	int r = 0;

	cli_begin(&cli, "img-write",
		"[OPTION...] SRC DST\nFill an existing image with the contents of another.",
		options, argc, argv);
	cli_need_args(&cli, 2);
	t.live = live;
	t.as_is = as_is;
	t.change_format = change_format;
	t.sparse = sparse;
	t.allow_links = allow_links;
	if (size)
		r = cli_size("--size", size, &t.volume_len);
	free(size);
	return copy_end(&cli, &t, r);
}
