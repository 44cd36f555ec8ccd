/*
 * each: see each.h.
 */
#include "lib/cli/each.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/cli/usage.h"
#include "lib/peer/peer_kept.h"

const char each_this_host[] = "this host";

void each_default(struct cli *c, const char *location)
{
	static const char *args[2];

	if (c->count)
		return;
	args[0] = location;
	c->args = args;
	c->count = 1;
}

static int parse_location(struct location *loc, const char *text)
{
	if (text != each_this_host)
		return cli_location(loc, text, STDIN_FILENO);
	memset(loc, 0, sizeof(*loc));
	loc->text = strdup(each_this_host);
	loc->path = strdup("");
	return loc->text && loc->path ? 0 : err_set(ST_FAILED, "out of memory");
}

/* Before anything is done to any location. */
static int check_all(const struct cli *c, each_check_fn *check, void *arg)
{
	struct location loc;
	int i, r = 0;

	for (i = 0; r == 0 && i < c->count; i++) {
		if (parse_location(&loc, c->args[i]) < 0)
			return -1;
		if (loc.is_stdio)
			r = usage_error("'-' cannot be used here: it is no image, but "
					"standard input or output");
		else if (check && check(&loc, arg) < 0)
			r = err_wrap("%s", loc.text);
		location_fini(&loc);
	}
	return r;
}

static int each_run_one(
	struct cli *c, struct peer_kept *kept, const struct location *loc, each_fn *fn, void *arg)
{
	struct peer *p = peer_kept_open(kept, loc, &c->peer);

	return p ? fn(p, loc, arg) : -1;
}

/* Prints the recorded error. */
static void note_failure(int *first)
{
	if (!cancel_signal())
		cli_print_error();
	if (!*first)
		*first = (int)err_status();
}

void each_location(struct cli *c, each_check_fn *check, each_fn *fn, void *arg, int *first)
{
	struct peer_kept kept = PEER_KEPT_INIT;
	struct location loc;
	int i;

	if (check_all(c, check, arg) < 0) {
		note_failure(first);
		return;
	}
	for (i = 0; i < c->count && !cancel_is_set() && !ferror(stdout); i++) {
		if (parse_location(&loc, c->args[i]) < 0) {
			note_failure(first);
			continue;
		}
		err_clear();
		if (each_run_one(c, &kept, &loc, fn, arg) < 0 && !ferror(stdout)) {
			err_wrap("%s", loc.text);
			note_failure(first);
		}
		location_fini(&loc);
	}
	peer_kept_close(&kept);
	err_clear();
}
