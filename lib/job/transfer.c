/*
 * transfer: which helpers it takes.  The ways themselves are in within.c and
 * across.c.
 */
#include "lib/job/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/job/talk.h"
#include "lib/job/ways.h"

/* "-" is the user's own, so it never goes through sudo. */
static bool one_helper(const struct transfer *t, const struct peer_options *opt)
{
	if (!location_same_host(&t->from, &t->to))
		return false;
	return !(opt->sudo & PEER_SUDO_HERE) || t->from.is_stdio == t->to.is_stdio;
}

static void on_within(void *arg, uint64_t done, uint64_t total)
{
	const struct transfer *t = arg;

	t->progress(t->arg, "copy", done, total, 0);
}

int transfer_run(
	const struct transfer *t, const struct peer_options *opt, struct transfer_result *res)
{
	struct peer_options own = *opt;
	struct peer *from = NULL, *to = NULL;
	int64_t began = io_now_ms();
	int r = -1;

	memset(res, 0, sizeof(*res));
	res->consistent = true;
	if (one_helper(t, opt)) {
		if (t->progress) {
			own.progress = on_within;
			own.arg = (void *)(uintptr_t)t;
		}
		from = peer_open(t->to.is_stdio ? &t->from : &t->to, &own);
		r = from ? within_copy(t, from, res) : talk_blame(&t->from);
	} else if (!(from = peer_open(&t->from, opt))) {
		talk_blame(&t->from);
	} else if (!(to = peer_open(&t->to, opt))) {
		talk_blame(&t->to);
	} else {
		r = across_copy(t, from, to, res);
	}
	/* The target's helper undoes first: it may wait for nobody else. */
	peer_close(to);
	peer_close(from);
	res->seconds = (double)(io_now_ms() - began) / 1000;
	if (r < 0) {
		free(res->target);
		free(res->snapshot);
		res->target = res->snapshot = NULL;
	}
	return r;
}
