/*
 * peer_kept: a helper that is kept for the next request to the same host, so that several
 * images cost one login.
 */
#ifndef IMG_PEER_KEPT_H
#define IMG_PEER_KEPT_H

#include "lib/peer/peer.h"

struct peer_kept {
	struct peer *peer;  /* or NULL */
	struct location at; /* where it runs; only its host and is_stdio count */
};

#define PEER_KEPT_INIT                                                                             \
	{                                                                                          \
		NULL,                                                                              \
		{                                                                                  \
			.host = NULL                                                               \
		}                                                                                  \
	}

/*
 * The helper for loc: the kept one if it is ready and on the same host, else one that
 * peer_open() starts, after the kept one was closed.  It belongs to k.  NULL recorded.  opt counts
 * only when one is started.  Blocks as peer_open() and peer_close() do.
 */
struct peer *peer_kept_open(
	struct peer_kept *k, const struct location *loc, const struct peer_options *opt);

/*
 * Closes it unless it can take another request.  If one whom it was to wake (peer_wakes()) had its
 * answer already, that one goes on: so it is settled second.  Keeps the recorded error.  Blocks.
 */
void peer_kept_settle(struct peer_kept *k);

void peer_kept_close(struct peer_kept *k); /* accepts an empty one; keeps the recorded error */

#endif
