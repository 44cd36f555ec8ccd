/*
 * ssh_tcp: the TCP connection to a host.
 *
 * It is made here and not by libssh, because libssh ignores AddressFamily and
 * ConnectionAttempts and tries only one address of a host.
 */
#ifndef IMG_SSH_TCP_H
#define IMG_SSH_TCP_H

#include "lib/ssh/ssh_connect.h"

/*
 * Connects to c's host and sets l->fd and l->is_loopback.  0, or -1 with ST_PEER
 * recorded.  Blocks until l's deadline; ends early on cancel_set().
 */
int ssh_tcp_connect(struct ssh_link *l, const struct ssh_config *c);

#endif
