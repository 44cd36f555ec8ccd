/*
 * img-commit: writes layers of a qcow2 image into the layer below them.
 */
#include <stdlib.h>

#include "lib/cli/command.h"
#include "lib/cli/commit_show.h"
#include "lib/cli/guest_option.h"
#include "lib/cli/usage.h"

int main(int argc, char **argv)
{
	struct command c = { .op = "commit",
		.path = COMMAND_PATH_IMAGE,
		.changes = true,
		.reply = "path base base.format",
		.phase = "commit",
		.tell = commit_show };
	char *qmp = NULL, *domain = NULL, *top = NULL, *base = NULL;
	int delete = 0, allow_links = 0, r;
	struct poptOption options[] = { { "qmp", '\0', POPT_ARG_STRING, &qmp, 0,
						"let QEMU do it by its monitor, while the guest "
						"runs",
						"SOCKET" },
		{ "libvirt", '\0', POPT_ARG_STRING, &domain, 0,
			"let libvirt do it, while this guest runs", "DOMAIN" },
		{ "top", '\0', POPT_ARG_STRING, &top, 0,
			"the uppermost layer that is committed (default: IMAGE itself)", "LAYER" },
		{ "base", '\0', POPT_ARG_STRING, &base, 0,
			"the layer that they are written into (default: the one below TOP)",
			"LAYER" },
		{ "delete", '\0', POPT_ARG_NONE, &delete, 0,
			"delete the layers that were committed", NULL },
		{ "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
			"change files even if they have several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };

	cli_begin(&c.cli, "img-commit",
		"[OPTION...] IMAGE\nWrite layers of a qcow2 image into the layer below them.",
		options, argc, argv);
	cli_need_args(&c.cli, 1);
	if ((top && !*top) || (base && !*base))
		r = usage_error("LAYER is empty");
	else
		r = guest_option_check(qmp, domain);
	kv_add(&c.keys, "qmp", qmp);
	kv_add(&c.keys, "libvirt", domain);
	kv_add(&c.keys, "top_layer", top);
	kv_add(&c.keys, "base_layer", base);
	kv_add_bool(&c.keys, "delete", delete);
	kv_add_bool(&c.keys, "allow_links", allow_links);
	free(qmp);
	free(domain);
	free(top);
	free(base);
	return command_end(&c, r);
}
