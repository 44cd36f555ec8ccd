/*
 * img-snap: makes a snapshot of an image, beside it.
 */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/cli/cli.h"
#include "lib/cli/json.h"
#include "lib/cli/results.h"

static int show(struct cli *c, const struct location *loc, const struct kv *reply)
{
	const char *path = kv_get(reply, "path");
	char *text = path ? location_at(loc, path) : NULL;
	struct results results;
	json_t *o;

	if (!text)
		return path ? -1 : err_set(ST_PEER, "protocol error: a snapshot without a path");
	if (!c->json)
		cli_print(c, "%s", text);
	results_begin(&results, c, 1);
	o = results_object(loc->text);
	json_set_text(o, "snapshot", text);
	json_set_text(o, "path", path);
	results_add(&results, o);
	free(text);
	return results_end(&results);
}

static int snap(struct cli *c, const char *name, uint64_t size)
{
	struct buf args = BUF_INIT;
	struct kv reply = KV_INIT;
	struct location loc;
	struct peer *p = NULL;
	int r = -1;

	if (cli_location(&loc, c->args[0]) < 0)
		return -1;
	if (loc.is_stdio || !*loc.path) {
		err_set(ST_USAGE, "%s: is no image", loc.text);
		goto out;
	}
	kv_add(&args, "path", loc.path);
	kv_add(&args, "name", name);
	if (size)
		kv_add_u64(&args, "size", size);
	kv_add_bool(&args, "dry_run", c->dry_run);
	if (!(p = peer_open(&loc, &c->peer)) || peer_call(p, "snap", &args, NULL, &reply) < 0)
		err_wrap("%s", loc.text);
	else
		r = show(c, &loc, &reply);
out:
	peer_close(p);
	kv_fini(&reply);
	buf_fini(&args);
	location_fini(&loc);
	return r;
}

int main(int argc, char **argv)
{
	char *name = NULL, *size = NULL;
	struct poptOption options[] = {
		{ "name", '\0', POPT_ARG_STRING, &name, 0,
			"its name, beside the image; else one with the time", "NAME" },
		{ "size", '\0', POPT_ARG_STRING, &size, 0,
			"of a thick volume's: room for what changes", "SIZE" },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND
	};
	struct cli cli;
	uint64_t bytes = 0;
	int r = 0;

	cli_begin(&cli, "img-snap",
		"[OPTION...] LOCATION\nMakes a snapshot of an image, beside it.", options, argc,
		argv);
	cli_need_args(&cli, 1, 1);
	if (size && size_parse(size, &bytes) < 0)
		r = err_wrap("--size");
	if (r == 0)
		r = snap(&cli, name, bytes);
	free(name);
	free(size);
	return cli_end(&cli, r);
}
