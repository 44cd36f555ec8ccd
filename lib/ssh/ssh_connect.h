/*
 * ssh_connect: a connection before it is handed to the pump.
 *
 * We connect ourselves: libssh knows neither AddressFamily nor a second
 * address, and a socket of ours lets it check a HostKeyAlias.
 */
#ifndef IMG_SSH_CONNECT_H
#define IMG_SSH_CONNECT_H

#include <libssh/libssh.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/ssh/ssh_config.h"

struct ssh_link {
	ssh_session session; /* non-blocking; works on a duplicate of fd */
	int fd;		     /* the socket, or our end of the ProxyCommand's pair; -1 */
	pid_t proxy;	     /* the ProxyCommand, or -1 */
	int timeout_s;
	int64_t deadline; /* of the whole log-in, in io_now_ms(); time spent on questions is added
			   */
	char where[192];  /* "'web' (10.0.0.1 port 2222)", for messages */
};

#define SSH_LINK_INIT                                                                              \
	{                                                                                          \
		NULL, -1, -1, 0, 0, ""                                                             \
	}

/*
 * Connects to c's host, or starts its ProxyCommand, and sets where and
 * deadline.  0, or -1 with ST_PEER recorded.  Blocks at most timeout_s (a name
 * server's own time-outs apart); ends early on cancel_set().
 */
int ssh_connect_open(struct ssh_link *l, const struct ssh_config *c, int timeout_s);

/*
 * Waits until libssh can go on after SSH_AGAIN.  0, or -1 with ST_PEER
 * recorded: the deadline has passed, cancelled, or not connected any more.
 */
int ssh_connect_wait(struct ssh_link *l);

/* Ends it all, the ProxyCommand too; accepts an empty one.  Blocks at most 1 s. */
void ssh_connect_close(struct ssh_link *l);

#endif
