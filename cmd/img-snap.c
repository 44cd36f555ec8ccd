/*
 * img-snap: takes snapshots of images, and keeps them.
 */
#include <stdlib.h>

#include "lib/cli/snap_run.h"

int main(int argc, char **argv)
{
	char *name = NULL, *size = NULL, *pre = NULL, *post = NULL, *qmp = NULL, *domain = NULL;
	struct poptOption options[] = {
		{ "name", '\0', POPT_ARG_STRING, &name, 0,
			"name of the snapshot (default: the image's, with the time)", "NAME" },
		{ "size", '\0', POPT_ARG_STRING, &size, 0,
			"size of a thick volume's snapshot (its copy-on-write space)", "SIZE" },
		{ "pre-snapshot", '\0', POPT_ARG_STRING, &pre, 0,
			"run CMD on LOCATION's host before the snapshots are taken", "CMD" },
		{ "post-snapshot", '\0', POPT_ARG_STRING, &post, 0,
			"run CMD there afterwards, even if taking them failed", "CMD" },
		{ "qmp", '\0', POPT_ARG_STRING, &qmp, 0,
			"pause the guest meanwhile, by QEMU's monitor there", "SOCKET" },
		{ "libvirt", '\0', POPT_ARG_STRING, &domain, 0,
			"pause this guest of libvirt's there meanwhile", "DOMAIN" },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND
	};
	struct snap_options o = { .name = NULL };
	struct cli cli;
	int r = 0;

	cli_begin(&cli, "img-snap",
		"[OPTION...] LOCATION...\nTake snapshots of images together, and keep them.",
		options, argc, argv);
	cli_need_args(&cli, -1);
	o.name = name;
	o.pre = pre;
	o.post = post;
	o.qmp = qmp;
	o.libvirt = domain;
	if (size)
		r = cli_size("--size", size, &o.size);
	r = snap_end(&cli, &o, r);
	free(name);
	free(size);
	free(pre);
	free(post);
	free(qmp);
	free(domain);
	return r;
}
