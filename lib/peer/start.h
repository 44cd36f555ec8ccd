/*
 * start: the ways to start a helper.  Each results in a stream socket to it.
 */
#ifndef IMG_START_H
#define IMG_START_H

#include <sys/types.h>

#include "lib/base/child_errors.h"
#include "lib/peer/peer.h"
#include "lib/ssh/ssh.h"

struct started {
	int fd;			     /* frames follow; -1: not started */
	pid_t pid;		     /* of the child on this host, or -1 */
	struct ssh *ssh;	     /* the connection, or NULL */
	struct child_errors *errors; /* the child's standard error, or NULL */
};

/* Starts the helper on this host, as this user, by fork.  0 or -1 recorded. */
int start_local(struct started *s, const struct peer_options *opt);

/* Starts it on this host by sudo, or on loc's host by --rsh or SSH.  0 or -1 recorded. */
int start_shell(struct started *s, const struct location *loc, const struct peer_options *opt);

/*
 * Waits at most timeout_ms for the child to end, then kills it; closes the SSH
 * connection.  Leaves fd alone, which by now belongs to a conn.  Blocks.
 */
void start_end(struct started *s, int timeout_ms);

#endif
