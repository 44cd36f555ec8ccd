/*
 * ssh_connect: making a connection, before the pump takes it over.
 */
#ifndef IMG_SSH_CONNECT_H
#define IMG_SSH_CONNECT_H

#include <libssh/libssh.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/child_errors.h"
#include "lib/base/deadline.h"
#include "lib/ssh/ssh_config.h"

struct ssh_link {
	ssh_session session; /* non-blocking; works on a duplicate of fd */
	int fd;		     /* the socket, or our end of the ProxyCommand's socket pair; or -1 */
	pid_t proxy;	     /* the ProxyCommand, or -1 */
	struct child_errors *proxy_errors; /* its standard error, or NULL */
	int timeout_s;
	bool is_loopback;	  /* fd is connected to this host, without a proxy */
	struct deadline deadline; /* of the login; prompts move it */
	char where[192];	  /* "'web' (10.0.0.1 port 2222)", for messages */
};

#define SSH_LINK_INIT { .fd = -1, .proxy = -1 }

/*
 * Connects to c's host, or starts its ProxyCommand, and sets where and deadline.
 * 0, or -1 with an error recorded (ST_PEER; ST_FAILED if the ProxyCommand cannot be
 * started).  Blocks for at most timeout_s; ends early on cancel_set().
 */
int ssh_connect_open(struct ssh_link *l, const struct ssh_config *c, int timeout_s);

/*
 * Waits until libssh can continue after SSH_AGAIN.  0, or -1 with ST_PEER recorded:
 * the deadline has passed, cancel is set, or the connection was lost.
 */
int ssh_connect_wait(struct ssh_link *l);

/* Records that the deadline has passed or cancel is set: ST_PEER.  Returns -1. */
int ssh_connect_timed_out(const struct ssh_link *l);

/* Ends connection and ProxyCommand; accepts an empty link.  Blocks for at most 1.5 s. */
void ssh_connect_close(struct ssh_link *l);

#endif
