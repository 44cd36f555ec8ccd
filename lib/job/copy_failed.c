/*
 * copy_failed: see copy_failed.h.
 */
#include "lib/job/copy_failed.h"

#include "lib/base/err.h"
#include "lib/job/copy_request.h"

#define SETTLE_MS 1000 /* for a helper to say why it ends */

/* In the order in which they count. */
enum failure {
	FAILURE_CAUSE, /* an error of its own work */
	FAILURE_LOST,  /* it has ended without a word */
	FAILURE_STREAM /* an error of the stream, of which the other end may be the cause */
};

static enum failure kind_of(const struct err *e)
{
	if (e->status == ST_OK)
		return FAILURE_LOST;
	return e->status == ST_PEER ? FAILURE_STREAM : FAILURE_CAUSE;
}

/* Records what a helper has failed with, if that is of one kind.  Whether it is. */
static bool has_failed(struct peer *p, const struct location *loc, enum failure kind)
{
	struct err error;
	const char *why;

	if (!conn_failed(peer_conn(p), &error) || kind_of(&error) != kind)
		return false;
	why = peer_lost_why(p);
	if (kind == FAILURE_LOST)
		err_set(ST_PEER, "the helper was lost%s%s", *why ? ": " : "", why);
	else
		err_put(&error);
	copy_blame(loc);
	return true;
}

static void blame_over_lanes(const struct transfer *t, struct peer *from, struct peer *to)
{
	struct peer *const peer[2] = { to, from };
	const struct location *const at[2] = { &t->to, &t->from };
	const int remote = t->from.host ? 1 : 0;
	int kind, i, first;
	struct err error;

	err_take(&error);
	for (i = 0; i < 2; i++)
		conn_drain(peer_conn(peer[i]), SETTLE_MS);
	for (kind = FAILURE_CAUSE; kind <= FAILURE_STREAM; kind++) {
		first = kind == FAILURE_CAUSE ? 0 : remote;
		if (has_failed(peer[first], at[first], (enum failure)kind) ||
			has_failed(peer[!first], at[!first], (enum failure)kind))
			return;
	}
	err_put(&error);
}

int copy_failed(const struct transfer *t, struct peer *from, struct peer *to, bool went_over_lanes)
{
	if (went_over_lanes)
		blame_over_lanes(t, from, to);
	else if (!has_failed(to, &t->to, FAILURE_CAUSE) &&
		 !has_failed(to, &t->to, FAILURE_STREAM) && !has_failed(to, &t->to, FAILURE_LOST))
		copy_blame(&t->from);
	return -1;
}
