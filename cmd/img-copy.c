/*
 * img-copy: copies an image, here or on another host.
 */
#include <stdlib.h>

#include "lib/cli/cli.h"
#include "lib/cli/copy_run.h"
#include "lib/cli/usage.h"

int main(int argc, char **argv)
{
	char *size = NULL;
	int archive = 0, overwrite = 0, sparse = 0, live = 0, allow_links = 0, as_is = 0;
	int flatten = 0;
	struct poptOption options[] = { { "archive", 'a', POPT_ARG_NONE, &archive, 0,
						"store the copy as an lzop archive", NULL },
		{ "overwrite", '\0', POPT_ARG_NONE, &overwrite, 0, "replace DST if it exists",
			NULL },
		{ "sparse", '\0', POPT_ARG_NONE, &sparse, 0, "store zeros as holes", NULL },
		{ "size", '\0', POPT_ARG_STRING, &size, 0,
			"size of a new volume (default: that of SRC), or length of '-'", "SIZE" },
		{ "as-is", '\0', POPT_ARG_NONE, &as_is, 0,
			"copy the bytes as they are: do not unpack an archive", NULL },
		{ "flatten", '\0', POPT_ARG_NONE, &flatten, 0,
			"of qcow2, copy what the guest sees, as a raw image", NULL },
		{ "live", '\0', POPT_ARG_NONE, &live, 0, "copy SRC even if it is in use", NULL },
		{ "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
			"replace a file even if it has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_snapshot_options, 0, NULL, NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_copying_options, 0, NULL, NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };
	struct transfer t = { .archive = false };
	struct cli cli;
	int r = 0;

	cli_begin(&cli, "img-copy",
		"[OPTION...] SRC... DST\nCopy images, here or on another host, "
		"or from host to host.",
		options, argc, argv);
	cli_need_args(&cli, -1);
	t.archive = archive;
	t.overwrite = overwrite;
	t.sparse = sparse;
	t.live = live;
	t.as_is = as_is;
	t.flatten = flatten;
	t.allow_links = allow_links;
	if (flatten && as_is)
		r = usage_error("--flatten and --as-is exclude each other");
	else if (size)
		r = cli_size("--size", size, &t.volume_len);
	free(size);
	return copy_end(&cli, &t, r);
}
