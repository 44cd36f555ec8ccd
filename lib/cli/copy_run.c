/*
 * copy_run: see copy_run.h.
 */
#include "lib/cli/copy_run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/cli/copy_show.h"
#include "lib/cli/guest_option.h"
#include "lib/cli/progress.h"
#include "lib/cli/usage.h"
#include "lib/job/host_snapshots.h"

#define ARCHIVE_SUFFIX ".lzo"

static void copy_options(struct transfer *t, const struct cli *c)
{
	t->dry_run = c->dry_run;
	t->want_digest = c->json;
	t->compress = (enum flow_compress)cli_copying.compress;
	t->jobs = cli_copying.jobs;
	t->bwlimit = cli_copying.bwlimit;
	t->no_fsync = cli_copying.no_fsync;
	t->snapshot = cli_copying.snapshot;
	t->snapshot_size = cli_copying.snapshot_size;
	t->pre_snapshot = cli_copying.pre_snapshot;
	t->post_snapshot = cli_copying.post_snapshot;
	t->qmp = cli_copying.qmp;
	t->libvirt = cli_copying.libvirt;
}

/* Everything that is wrong with the command line whatever the sources are. */
static int check_options(const struct cli *c, const struct transfer *t)
{
	if (t->to.is_stdio && c->json)
		return usage_error("--json and the target '-' both need standard output");
	if (t->to.is_stdio && t->in_place)
		return usage_error("'-' cannot be the target: it is not an existing image");
	if (t->in_place && usage_check_image(&t->to) < 0)
		return -1;
	if (t->to.is_stdio && t->into)
		return usage_error("several sources need a directory or volume group as target, "
				   "not '-'");
	if (t->to.is_stdio && !c->dry_run && isatty(STDOUT_FILENO))
		return usage_error("standard output is a terminal: redirect it to get the image");
	if (!t->snapshot && (t->snapshot_size || t->pre_snapshot || t->post_snapshot))
		return usage_error(
			"--snapshot-size, --pre-snapshot and --post-snapshot need --snapshot");
	if (!t->snapshot && (t->qmp || t->libvirt))
		return usage_error("--qmp and --libvirt need --snapshot");
	if (t->snapshot && t->live)
		return usage_error("--snapshot and --live exclude each other");
	return guest_option_check(t->qmp, t->libvirt);
}

static int check_source(const struct transfer *t, const struct location *from)
{
	if (from->is_stdio && t->flatten)
		return usage_error("--flatten needs an image, not standard input");
	if (from->is_stdio && t->snapshot)
		return usage_error("--snapshot needs an image as source, not '-'");
	if (!from->is_stdio && t->volume_len && (t->in_place || t->to.is_stdio))
		return usage_error(
			"--size is for '-' as source%s", t->in_place ? "" : " and for new volumes");
	if (from->is_stdio && t->into)
		return usage_error("'-' cannot be one of several sources: it has no name");
	return usage_check_image(from);
}

static bool is_suffixed(const char *longer, const char *name)
{
	size_t n = strlen(name);

	return strncmp(longer, name, n) == 0 && strcmp(longer + n, ARCHIVE_SUFFIX) == 0;
}

/*
 * Two sources of one name would become one image.  Only their hosts know which of them is an
 * archive, and so has ".lzo" removed from its name, or not added.
 */
static int check_pair(const struct transfer *t, const struct location *a, const struct location *b)
{
	char *name = location_base_name(a), *other = location_base_name(b);
	int r = name && other ? 0 : -1;

	if (r == 0 && strcmp(name, other) == 0)
		r = usage_error("%s and %s have the same name", a->text, b->text);
	else if (r == 0 && !t->as_is && (is_suffixed(name, other) || is_suffixed(other, name)))
		r = usage_error("%s and %s may become one image, as '" ARCHIVE_SUFFIX
				"' is added and removed: copy each by itself, or with --as-is",
			a->text, b->text);
	free(name);
	free(other);
	return r;
}

static int check_names(const struct transfer *t, const struct location *from, int count)
{
	int i, k;

	for (i = 0; i < count; i++)
		for (k = 0; k < i; k++)
			if (check_pair(t, &from[k], &from[i]) < 0)
				return -1;
	return 0;
}

/* The locations of all sources, and the target in t.  0, or -1 recorded. */
static int copy_parse(const struct cli *c, struct transfer *t, struct location *from, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (cli_location(&from[i], c->args[i], STDIN_FILENO) < 0)
			return -1;
	if (cli_location(&t->to, c->args[count], STDOUT_FILENO) < 0 || check_options(c, t) < 0)
		return -1;
	for (i = 0; i < count; i++)
		if (check_source(t, &from[i]) < 0)
			return -1;
	return t->into ? check_names(t, from, count) : 0;
}

/* Copies one source, and shows the result.  0, or -1 recorded. */
static int copy_one(struct cli *c, const struct transfer *t, struct transfer_peers *peers,
	struct results *results)
{
	bool watched = progress_is_on() && c->progress != CLI_PROGRESS_JSON;
	struct transfer_result res;
	int r;

	if (transfer_run(t, &c->peer, peers, &res) < 0)
		return -1;
	if (res.has_capacity)
		progress_total(res.capacity);
	progress_clear();
	r = copy_show(results, watched, t, &res);
	free(res.target);
	free(res.snapshot);
	return r;
}

/* Makes `from` the source of the next copy. */
static void set_source(struct transfer *t, const struct location *from)
{
	t->from = *from;
	if (from->is_stdio && t->volume_len) { /* the length of what is read */
		t->has_stream_len = true;
		t->stream_len = t->volume_len;
		t->volume_len = 0;
	}
}

/* Copies source i from the snapshot that its host has taken.  0, or -1 recorded. */
static int copy_taken(struct cli *c, struct transfer *t, int i, struct host_snapshots *taken,
	struct transfer_peers *peers, struct results *results)
{
	int r;

	if (host_snapshots_lend(taken, i, peers, &t->taken) < 0)
		return -1;
	r = copy_one(c, t, peers, results);
	host_snapshots_take_back(taken, i, peers);
	return r;
}

/* ST_OK, or the status of the first failure, which is printed. */
static int copy_all(struct cli *c, struct transfer *t, const struct location *from, int count,
	struct results *results)
{
	struct transfer_peers peers = TRANSFER_PEERS_INIT;
	struct host_snapshots taken = HOST_SNAPSHOTS_INIT;
	bool together = t->snapshot && count > 1;
	int i, r, first = ST_OK;

	if (together && host_snapshots_take(&taken, t, from, count, &c->peer) < 0) {
		cli_print_error();
		first = (int)err_status();
		count = 0;
	}
	if (together && c->dry_run && !c->json)
		copy_show_together(&taken);
	for (i = 0; i < count && !cancel_is_set(); i++) {
		err_clear();
		set_source(t, &from[i]);
		progress_item(t->from.text, i + 1, count);
		r = together ? copy_taken(c, t, i, &taken, &peers, results)
			     : copy_one(c, t, &peers, results);
		if (r == 0)
			continue;
		first = first ? first : (int)err_status();
		if (!cancel_signal())
			cli_print_error();
	}
	transfer_peers_close(&peers);
	host_snapshots_close(&taken);
	err_clear();
	return first ? first : cancel_is_set() ? ST_FAILED : ST_OK;
}

int copy_end(struct cli *c, struct transfer *t, int r)
{
	int i, count = c->count - 1, status = ST_OK;
	struct location *from = calloc((size_t)count, sizeof(*from));
	struct results results;

	t->into = count > 1;
	copy_options(t, c);
	if (r == 0 && !from)
		r = err_set(ST_FAILED, "out of memory");
	if (r == 0 && copy_parse(c, t, from, count) == 0) {
		results_begin(&results, c, count);
		progress_begin(c);
		if (progress_is_on())
			t->progress = progress_show;
		status = copy_all(c, t, from, count, &results);
		progress_end(status == ST_OK);
		r = results_end(&results);
	} else {
		r = -1;
	}
	for (i = 0; from && i < count; i++)
		location_fini(&from[i]);
	free(from);
	location_fini(&t->to);
	r = cli_end(c, r);
	return status ? status : r;
}
