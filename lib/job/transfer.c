/*
 * transfer: starts the helpers and leaves the copy to copy_local or copy_relay.
 */
#include "lib/job/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/job/copy_local.h"
#include "lib/job/copy_relay.h"
#include "lib/job/copy_request.h"

/* The user's own standard input and output never go through sudo. */
static bool needs_one_helper(
	const struct transfer *t, const struct location *from, const struct peer_options *opt)
{
	if (!location_same_host(from, &t->to))
		return false;
	return !(opt->sudo & PEER_SUDO_HERE) || from->is_stdio == t->to.is_stdio;
}

static void on_local_progress(void *arg, const struct wire_progress *p)
{
	const struct transfer *t = arg;

	t->progress(t->arg, "copy", p, 0);
}

void transfer_peer_options(struct peer_options *out, const struct transfer *t,
	const struct location *from, const struct peer_options *opt)
{
	*out = *opt;
	if (!t->progress || !needs_one_helper(t, from, opt))
		return;
	out->progress = on_local_progress;
	out->arg = (void *)(uintptr_t)t;
}

/* First the target's helper: it rolls back without waiting for the source. */
void transfer_peers_close(struct transfer_peers *peers)
{
	peer_kept_close(&peers->to);
	peer_kept_close(&peers->from);
}

int transfer_run(const struct transfer *t, const struct peer_options *opt,
	struct transfer_peers *peers, struct transfer_result *res)
{
	struct peer_options own;
	struct peer *from = NULL, *to = NULL;
	int64_t began = io_now_ms();
	int r = -1;

	memset(res, 0, sizeof(*res));
	res->consistent = true;
	transfer_peer_options(&own, t, &t->from, opt);
	if (needs_one_helper(t, &t->from, opt)) {
		from = peer_kept_open(&peers->from, t->to.is_stdio ? &t->from : &t->to, &own);
		r = from ? copy_local(t, from, res) : copy_blame(&t->from);
	} else if (!(from = peer_kept_open(&peers->from, &t->from, opt))) {
		copy_blame(&t->from);
	} else if (!(to = peer_kept_open(&peers->to, &t->to, opt))) {
		copy_blame(&t->to);
	} else {
		r = copy_relay(t, from, to, res);
	}
	/* In the order of transfer_peers_close(). */
	peer_kept_settle(&peers->to);
	peer_kept_settle(&peers->from);
	res->seconds = (double)(io_now_ms() - began) / 1000;
	if (r < 0) {
		free(res->target);
		free(res->snapshot);
		res->target = res->snapshot = NULL;
	}
	return r;
}
