/*
 * img-rename: gives an image another name in its container.
 */
#include "lib/base/err.h"
#include "lib/cli/cli.h"
#include "lib/cli/json.h"
#include "lib/cli/results.h"

static int rename_image(struct cli *c, int allow_links)
{
	struct buf args = BUF_INIT;
	struct kv reply = KV_INIT;
	struct location loc;
	struct peer *p = NULL;
	struct results results;
	json_t *o;
	int r = -1;

	if (cli_location(&loc, c->args[0]) < 0)
		return -1;
	if (loc.is_stdio || !*loc.path) {
		err_set(ST_USAGE, "%s: is no image", loc.text);
		goto out;
	}
	kv_add(&args, "path", loc.path);
	kv_add(&args, "name", c->args[1]);
	kv_add_bool(&args, "allow_links", allow_links);
	kv_add_bool(&args, "dry_run", c->dry_run);
	if (!(p = peer_open(&loc, &c->peer)) || peer_call(p, "rename", &args, NULL, &reply) < 0) {
		err_wrap("%s", loc.text);
		goto out;
	}
	cli_did(c, "rename", "renamed", "%s to %s", loc.text, c->args[1]);
	results_begin(&results, c, 1);
	o = results_object(loc.text);
	json_set_text(o, "path", kv_get(&reply, "path"));
	results_add(&results, o);
	r = results_end(&results);
out:
	peer_close(p);
	kv_fini(&reply);
	buf_fini(&args);
	location_fini(&loc);
	return r;
}

int main(int argc, char **argv)
{
	int allow_links = 0;
	struct poptOption options[] = { { "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
						"also a file that has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };
	struct cli cli;

	cli_begin(&cli, "img-rename",
		"[OPTION...] LOCATION NEWNAME\nGives an image another name beside it.", options,
		argc, argv);
	cli_need_args(&cli, 2, 2);
	return cli_end(&cli, rename_image(&cli, allow_links));
}
