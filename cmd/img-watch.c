/*
 * img-watch: watches how full the storage of images is, and extends it in time.
 */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/cli/guest_option.h"
#include "lib/cli/usage.h"
#include "lib/cli/watch_run.h"

/* The options that are sizes, and their keys in the request. */
static struct size_option {
	const char *name, *key;
	char *value;
} sizes[] = {
	{ "--extend", "extend", NULL },
	{ "--reserve", "reserve", NULL },
	{ "--max", "max", NULL },
	{ "--min-free", "min_free", NULL },
};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static int add_sizes(struct buf *keys)
{
	uint64_t bytes;
	size_t i;

	if (!sizes[0].value && (sizes[2].value || sizes[3].value))
		return usage_error("%s needs --extend", sizes[sizes[2].value ? 2 : 3].name);
	for (i = 0; i < SIZES; i++) {
		if (!sizes[i].value)
			continue;
		if (cli_size(sizes[i].name, sizes[i].value, &bytes) < 0)
			return -1;
		kv_add_u64(keys, sizes[i].key, bytes);
	}
	return 0;
}

static int add_guest(struct buf *keys, bool poll, const char *qmp, const char *domain)
{
	if (poll && (qmp || domain))
		return usage_error("--poll and --%s exclude each other", qmp ? "qmp" : "libvirt");
	if (guest_option_check(qmp, domain) < 0)
		return -1;
	kv_add(keys, "qmp", qmp);
	kv_add(keys, "libvirt", domain);
	return 0;
}

int main(int argc, char **argv)
{
	struct watch_run_want want = { .keys = BUF_INIT };
	int poll = 0, once = 0, status = ST_OK, r;
	char *exec = NULL, *qmp = NULL, *domain = NULL;
	struct cli cli;
	size_t i;
	struct poptOption options[] = { { "qmp", '\0', POPT_ARG_STRING, &qmp, 0,
						"let QEMU tell in time, by its monitor SOCKET",
						"SOCKET" },
		{ "libvirt", '\0', POPT_ARG_STRING, &domain, 0,
			"let libvirt's guest DOMAIN tell in time", "DOMAIN" },
		{ "poll", '\0', POPT_ARG_NONE, &poll, 0,
			"read the images' metadata at intervals (the default)", NULL },
		{ "once", '\0', POPT_ARG_NONE, &once, 0,
			"look once: status 10 if one is near its threshold", NULL },
		{ "extend", '\0', POPT_ARG_STRING, &sizes[0].value, 0,
			"extend volumes that are near their threshold by CHUNK", "CHUNK" },
		{ "reserve", '\0', POPT_ARG_STRING, &sizes[1].value, 0,
			"free space below which one is near (default: 80% of CHUNK)", "SIZE" },
		{ "max", '\0', POPT_ARG_STRING, &sizes[2].value, 0,
			"never extend beyond SIZE (default: 110% of the capacity)", "SIZE" },
		{ "min-free", '\0', POPT_ARG_STRING, &sizes[3].value, 0,
			"leave SIZE free in the volume group", "SIZE" },
		{ "exec", '\0', POPT_ARG_STRING, &exec, 0,
			"run CMD on this host for each event, with its numbers in IMG_WATCH_*",
			"CMD" },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };

	cli_begin(&cli, "img-watch",
		"[OPTION...] LOCATION...\nWatch how full the storage of images is, and extend "
		"volumes in time.",
		options, argc, argv);
	cli_need_args(&cli, -1);
	want.exec = exec;
	want.once = once || cli.dry_run;
	kv_add_bool(&want.keys, "once", want.once);
	r = add_sizes(&want.keys) < 0 || add_guest(&want.keys, poll, qmp, domain) < 0 ||
			    buf_failed(&want.keys) < 0
		    ? -1
		    : 0;
	if (r == 0)
		r = watch_run(&cli, &want, &status);
	buf_fini(&want.keys);
	for (i = 0; i < SIZES; i++)
		free(sizes[i].value);
	free(exec);
	free(qmp);
	free(domain);
	r = cli_end(&cli, r);
	return status ? status : r;
}
