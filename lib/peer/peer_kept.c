/*
 * peer_kept: see peer_kept.h.
 */
#include "lib/peer/peer_kept.h"

static bool is_at(const struct peer_kept *k, const struct location *loc)
{
	return k->at.is_stdio == loc->is_stdio && location_same_host(&k->at, loc);
}

struct peer *peer_kept_open(
	struct peer_kept *k, const struct location *loc, const struct peer_options *opt)
{
	if (k->peer && is_at(k, loc) && peer_is_ready(k->peer))
		return k->peer;
	peer_kept_close(k);
	if (location_parse(&k->at, loc->text) < 0)
		return NULL;
	k->at.is_stdio = loc->is_stdio;
	k->peer = peer_open(loc, opt);
	return k->peer;
}

void peer_kept_settle(struct peer_kept *k)
{
	if (k->peer && !peer_is_ready(k->peer))
		peer_kept_close(k);
	else if (k->peer)
		conn_go_on(peer_conn(k->peer));
}

void peer_kept_close(struct peer_kept *k)
{
	peer_close(k->peer);
	k->peer = NULL;
	location_fini(&k->at);
}
