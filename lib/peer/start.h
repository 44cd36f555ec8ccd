/*
 * start: the ways to start a helper.  What comes of each is a stream socket.
 */
#ifndef IMG_START_H
#define IMG_START_H

#include <sys/types.h>

#include "lib/peer/peer.h"
#include "lib/ssh/ssh.h"

struct started {
	int fd;		 /* frames come next; -1: not started */
	pid_t pid;	 /* of the child here, or -1 */
	struct ssh *ssh; /* the connection, or NULL */
};

/* The helper of this host, as this user, by fork.  0 or -1 recorded. */
int start_local(struct started *s, const struct peer_options *opt);

/* Here by sudo, or on loc's host by --rsh or the SSH client.  0 or -1 recorded. */
int start_shell(struct started *s, const struct location *loc, const struct peer_options *opt);

/* Ends what start_*() began; fd is somebody else's by now.  Blocks. */
void start_end(struct started *s, int timeout_ms);

#endif
