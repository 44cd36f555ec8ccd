/*
 * ssh_resolve: looking up the addresses of a host, with a limit in time.
 *
 * The resolver of the C library cannot be interrupted, so it runs in a thread of its
 * own, which is left behind if it takes too long.
 */
#ifndef IMG_SSH_RESOLVE_H
#define IMG_SSH_RESOLVE_H

#include <netdb.h>

#include "lib/ssh/ssh_connect.h"

/*
 * Looks up name (port NULL: without a port) for l.  *list is freed with
 * ssh_resolve_free().  0, or -1 with ST_PEER recorded.  Blocks until l's deadline; ends
 * early on cancel_set().
 */
int ssh_resolve(
	struct ssh_link *l, const char *name, const char *port, int family, struct addrinfo **list);
void ssh_resolve_free(struct addrinfo *list); /* accepts NULL */

#endif
