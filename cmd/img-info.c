/*
 * img-info: shows what images are.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/cli/chain_show.h"
#include "lib/cli/command.h"
#include "lib/cli/guest_option.h"
#include "lib/cli/info_show.h"
#include "lib/cli/usage.h"

static int tell_image(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	static bool is_later;

	(void)reply;
	if (c->cli.json)
		return info_show_json(o, loc, record);
	if (is_later)
		putchar('\n');
	is_later = true;
	return info_show_table(loc, record);
}

static struct chain_show show;

static int each_layer(
	struct command *c, const struct location *loc, const struct kv *record, json_t *o)
{
	if (kv_get(record, "error.kind") && command_failed(c, record) < 0)
		return -1;
	return chain_show_layer(&show, loc, record, o);
}

static int tell_layers(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	(void)c;
	(void)record;
	(void)reply;
	(void)o;
	return chain_show_image(&show, loc);
}

static int end_layers(struct command *c)
{
	(void)c;
	return chain_show_end(&show);
}

/* How the layers are shown.  xml: the value of --xml, or NULL.  -1 recorded. */
static int form_of(const struct cli *cli, const char *xml, bool strict)
{
	static const char *const words[] = { "volume", "domain", NULL };
	int i;

	if (strict && !xml)
		return usage_error("--strict needs --xml");
	if (strict && cli->count > 1)
		return usage_error("--strict takes only one LOCATION, because its document "
				   "describes one image");
	if (!xml)
		return cli->json ? CHAIN_JSON : CHAIN_TABLE;
	if (cli->json)
		return usage_error("--json and --xml exclude each other");
	i = usage_word("xml", xml, words);
	return i < 0 ? -1 : i == 0 ? CHAIN_XML_VOLUME : CHAIN_XML_DOMAIN;
}

/* Who is asked for what QEMU has open; NULL: nobody.  0, or -1 recorded. */
static int add_guest(struct buf *keys, const char *qmp, const char *domain)
{
	if (guest_option_check(qmp, domain) < 0)
		return -1;
	kv_add(keys, "qmp", qmp);
	kv_add(keys, "libvirt", domain);
	return 0;
}

int main(int argc, char **argv)
{
	char *xml = NULL, *qmp = NULL, *domain = NULL;
	struct command c = { .op = "info", .record = "path kind", .tell = tell_image };
	int chain = 0, strict = 0, form;
	bool has_layers;
	struct poptOption options[] = { { "chain", '\0', POPT_ARG_NONE, &chain, 0,
						"show the layers below each image, too", NULL },
		{ "qmp", '\0', POPT_ARG_STRING, &qmp, 0,
			"ask QEMU by its monitor how far it has written to the image", "SOCKET" },
		{ "libvirt", '\0', POPT_ARG_STRING, &domain, 0,
			"ask libvirt the same of this guest", "DOMAIN" },
		{ "xml", '\0', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, &xml, 0,
			"print XML as libvirt's: volume (the default) or domain", "FORM" },
		{ "strict", '\0', POPT_ARG_NONE, &strict, 0,
			"with --xml: only what libvirt's schemas allow", NULL },
		POPT_TABLEEND };

	cli_begin(&c.cli, "img-info",
		"[OPTION...] LOCATION...\nShow the format, size, content and use of images.",
		options, argc, argv);
	cli_need_args(&c.cli, -1);
	form = form_of(&c.cli, xml, strict);
	has_layers = chain || xml;
	free(xml);
	kv_add_bool(&c.keys, "chain", chain);
	if (form >= 0)
		form = add_guest(&c.keys, qmp, domain) < 0 ? -1 : form;
	free(qmp);
	free(domain);
	if (form < 0 || !has_layers)
		return command_end(&c, form < 0 ? -1 : 0);
	if (chain_show_begin(&show, (enum chain_form)form, c.cli.count, chain, strict) < 0)
		return command_end(&c, -1);
	c.is_short = true;
	if (chain)
		c.record = "depth"; /* of a layer that is not there, little else is known */
	c.each = each_layer;
	c.tell = tell_layers;
	c.end = end_layers;
	return command_end(&c, 0);
}
