/*
 * ssh_connect: making a connection, before the pump takes it over.
 *
 * The socket is connected here and not by libssh, because libssh ignores
 * AddressFamily and tries only one address of a host.
 */
#ifndef IMG_SSH_CONNECT_H
#define IMG_SSH_CONNECT_H

#include <libssh/libssh.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/ssh/ssh_config.h"

struct ssh_link {
	ssh_session session; /* non-blocking; works on a duplicate of fd */
	int fd;		     /* the socket, or our end of the ProxyCommand's socket pair; or -1 */
	pid_t proxy;	     /* the ProxyCommand, or -1 */
	int timeout_s;
	int64_t deadline; /* of the login, by io_now_ms(); prompts move it */
	char where[192];  /* "'web' (10.0.0.1 port 2222)", for messages */
};

#define SSH_LINK_INIT { NULL, -1, -1, 0, 0, "" }

/*
 * Connects to c's host, or starts its ProxyCommand, and sets where and deadline.
 * 0, or -1 with an error recorded (ST_PEER; ST_FAILED if the ProxyCommand cannot be
 * started).  Blocks for at most timeout_s, not counting the resolver's own
 * time-outs; ends early on cancel_set(), except in the resolver.
 */
int ssh_connect_open(struct ssh_link *l, const struct ssh_config *c, int timeout_s);

/*
 * Waits until libssh can continue after SSH_AGAIN.  0, or -1 with ST_PEER recorded:
 * the deadline has passed, cancel is set, or the connection was lost.
 */
int ssh_connect_wait(struct ssh_link *l);

/* Ends connection and ProxyCommand; accepts an empty link.  Blocks for at most 1 s. */
void ssh_connect_close(struct ssh_link *l);

#endif
