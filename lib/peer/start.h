/*
 * start: the ways to start a helper.  Each results in a stream socket to it.
 */
#ifndef IMG_START_H
#define IMG_START_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/child_errors.h"
#include "lib/peer/peer.h"
#include "lib/ssh/ssh.h"

struct started {
	int fd;			     /* frames follow; -1: not started */
	pid_t pid;		     /* of the child on this host, or -1 */
	bool is_transport;	     /* the child only connects to another host */
	struct ssh *ssh;	     /* the connection, or NULL */
	struct child_errors *errors; /* the child's standard error, or NULL */
	bool may_retry;		     /* after a failure: another try may succeed */
};

#define STARTED_INIT { .fd = -1, .pid = -1 }

/* Starts the helper on this host, as this user, by fork.  0 or -1 recorded. */
int start_local(struct started *s, const struct peer_options *opt);

/* Starts it on this host by sudo, or on loc's host by --rsh or SSH.  0 or -1 recorded. */
int start_shell(struct started *s, const struct location *loc, const struct peer_options *opt);

/*
 * *out gets the path of the file of --config, which the caller frees, or NULL if there is none.  0,
 * or -1 with ST_USAGE recorded.
 */
int start_config(char **out, const struct peer_options *opt);

/* 0, or -1 with ST_USAGE recorded: it is no command for start_rsh(). */
int start_rsh_check(const char *rsh);

/*
 * Runs command on loc's host through the program of --rsh, or through the user's ssh
 * with the same options as the built-in client has.  0, or -1 recorded: ST_USAGE for
 * an invalid --rsh, else ST_PEER.
 */
int start_rsh(struct started *s, const struct location *loc, const struct peer_options *opt,
	const char *command);
int start_openssh(struct started *s, const struct location *loc, const struct ssh_options *opt,
	const char *command);

/*
 * Starts a child that has one socket as its standard input and output.  name begins
 * each line that it writes to standard error (NULL: nothing does).  0 or -1 recorded.
 */
int start_child(struct started *s, const char *const *argv, const char *name);

/*
 * Waits at most timeout_ms for the child to end, then kills it; closes the SSH
 * connection.  Leaves fd alone, which by now belongs to a conn.  Blocks.  may_stay: a helper on
 * this host is not killed, but a warning says that it goes on.
 */
void start_end(struct started *s, int timeout_ms, bool may_stay);

#endif
