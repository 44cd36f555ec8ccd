/*
 * ssh: one connection to a host by libssh, and commands run over it.
 *
 * The connection belongs to one thread, the pump, from ssh_open()'s return
 * on; everything else sees plain descriptors.  Before that, ssh_open() itself
 * connects, checks the host key and only then authenticates: agent, keys,
 * certificates, keyboard-interactive, password.  Questions (an unknown host
 * key, a passphrase, a password) are put on /dev/tty and nowhere else;
 * without one they are answered no.
 */
#ifndef IMG_SSH_H
#define IMG_SSH_H

#include "lib/base/location.h"
#include "lib/ssh/ssh_config.h"

struct ssh; /* opaque */

/*
 * Connects and authenticates within the time-out (questions to the user do
 * not count).  NULL with ST_PEER recorded, in words a person can act on
 * (which host and port, what was presented, which file and line is at odds,
 * which methods were tried and which the peer accepts), or ST_USAGE from the
 * configuration.  Blocks; ends early when cancel_is_set().
 */
struct ssh *ssh_open(const struct location *loc, const struct ssh_options *opt);

/*
 * Starts command in the peer's login shell, on a channel of its own, and
 * returns a stream socket (close-on-exec) whose two directions are its
 * standard input and output, or -1 with ST_PEER recorded.  Shutting the socket
 * down for writing ends its standard input.  Standard error is kept: its last
 * 4 KiB can be had by ssh_stderr().  At most 8 at once on one connection.
 * Closing the socket closes the channel.  Blocks until the command runs, for
 * the time-out at most; ends early when cancel_is_set().
 */
int ssh_exec(struct ssh *s, const char *command);

/* What the commands wrote to standard error (its end), made safe; caller frees. */
char *ssh_stderr(struct ssh *s);

/*
 * The exit status of the last command that ended, or -1 if it is not known.
 * Waits, at most 2 s, for a command whose output has ended.
 */
int ssh_exit_status(struct ssh *s);

/* Why the connection ended ("", if it did not): valid until ssh_close(). */
const char *ssh_lost_why(struct ssh *s);

/* Ends the pump and the connection.  Blocks for at most 2 seconds. */
void ssh_close(struct ssh *s);

#endif
