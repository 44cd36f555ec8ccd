/*
 * img-info: shows what images are.
 */
#include <stdio.h>

#include "lib/base/text.h"
#include "lib/cli/chain_show.h"
#include "lib/cli/command.h"
#include "lib/cli/info_show.h"

static void separate(void)
{
	static bool is_later;

	if (is_later)
		putchar('\n');
	is_later = true;
}

static int tell_image(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	(void)reply;
	if (c->cli.json)
		return info_show_json(o, loc, record);
	separate();
	return info_show_table(loc, record);
}

static struct grid grid; /* the layers of the present image */

static int each_layer(
	struct command *c, const struct location *loc, const struct kv *record, json_t *o)
{
	if (kv_get(record, "error.kind")) {
		chain_show_warn(loc, record);
		if (command_failed(c, record) < 0)
			return -1;
	}
	if (c->cli.json)
		return chain_show_json(o, loc, record);
	if (grid.count == 0)
		chain_show_head(&grid);
	return chain_show_row(&grid, record);
}

static int tell_chain(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	char title[1024];
	int r;

	(void)record;
	(void)reply;
	(void)o;
	if (c->cli.json)
		return 0;
	separate();
	if (c->cli.count > 1)
		printf("%s:\n", text_safe(loc->text, title, sizeof(title)));
	r = grid_print(&grid);
	grid_fini(&grid);
	return r;
}

int main(int argc, char **argv)
{
	struct command c = { .op = "info", .tell = tell_image };
	int chain = 0;
	struct poptOption options[] = { { "chain", '\0', POPT_ARG_NONE, &chain, 0,
						"show the layers below each image, too", NULL },
		POPT_TABLEEND };

	cli_begin(&c.cli, "img-info",
		"[OPTION...] LOCATION...\nShow the format, size, content and use of images.",
		options, argc, argv);
	cli_need_args(&c.cli, -1);
	if (chain) {
		c.each = each_layer;
		c.tell = tell_chain;
	}
	kv_add_bool(&c.keys, "chain", chain);
	return command_end(&c, 0);
}
