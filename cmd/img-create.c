/*
 * img-create: makes an image that reads as zeros.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/cli/cli.h"
#include "lib/cli/json.h"
#include "lib/cli/results.h"

static int show(
	struct cli *c, const char *location, const struct kv *reply, uint64_t asked, int sparse)
{
	struct results results;
	uint64_t size = 0;
	char human[SIZE_HUMAN];
	json_t *o;

	if (kv_get_u64(reply, "size", &size) < 0)
		return -1;
	size_human(size, human);
	if (size != asked)
		log_note("%s: rounded up to %" PRIu64 " bytes, whole extents", location, size);
	cli_did(c, "create", "created", "%s, %s%s", location, human, sparse ? ", sparse" : "");
	results_begin(&results, c, 1);
	o = results_object(location);
	json_set_text(o, "path", kv_get(reply, "path"));
	json_object_set_new(o, "capacity", json_integer((json_int_t)size));
	results_add(&results, o);
	return results_end(&results);
}

static int create(struct cli *c, int sparse, int no_fsync, const char *thin)
{
	struct buf args = BUF_INIT;
	struct kv reply = KV_INIT;
	struct location loc;
	struct peer *p = NULL;
	uint64_t size;
	int r = -1;

	if (cli_location(&loc, c->args[0]) < 0)
		return -1;
	if (size_parse(c->args[1], &size) < 0)
		goto out;
	if (loc.is_stdio) {
		err_set(ST_USAGE, "'-' is no place for a new image");
		goto out;
	}
	kv_add(&args, "path", *loc.path ? loc.path : ".");
	kv_add_u64(&args, "size", size);
	kv_add_bool(&args, "sparse", sparse);
	kv_add(&args, "thin", thin);
	kv_add_bool(&args, "no_fsync", no_fsync);
	kv_add_bool(&args, "dry_run", c->dry_run);
	if (!(p = peer_open(&loc, &c->peer)) || peer_call(p, "create", &args, NULL, &reply) < 0) {
		err_wrap("%s", loc.text);
		goto out;
	}
	r = show(c, loc.text, &reply, size, sparse);
out:
	peer_close(p);
	kv_fini(&reply);
	buf_fini(&args);
	location_fini(&loc);
	return r;
}

int main(int argc, char **argv)
{
	int sparse = 0, no_fsync = 0;
	char *thin = NULL;
	struct poptOption options[] = { { "sparse", '\0', POPT_ARG_NONE, &sparse, 0,
						"allocate nothing yet", NULL },
		{ "thin", '\0', POPT_ARG_STRING, &thin, 0,
			"a volume gets its room from that thin pool, as it is written", "POOL" },
		{ "no-fsync", '\0', POPT_ARG_NONE, &no_fsync, 0,
			"do not wait until it is on stable storage", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };
	struct cli cli;
	int r;

	cli_begin(&cli, "img-create",
		"[OPTION...] LOCATION SIZE\nMakes an image that reads as zeros.", options, argc,
		argv);
	cli_need_args(&cli, 2, 2);
	r = create(&cli, sparse, no_fsync, thin);
	free(thin);
	return cli_end(&cli, r);
}
