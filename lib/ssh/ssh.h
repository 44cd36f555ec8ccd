/*
 * ssh: one connection to a host through libssh, and commands run over it.
 *
 * ssh_open() connects, verifies the host key before authentication, and then
 * authenticates by agent, keys and certificates, keyboard-interactive or password.
 * After it has returned, the connection belongs to a thread of its own, the pump;
 * all other code uses plain descriptors.  Prompts (for an unknown host key, a
 * passphrase or a password) need a terminal: they use /dev/tty, and without it the
 * answer is no.
 */
#ifndef IMG_SSH_H
#define IMG_SSH_H

#include "lib/base/location.h"
#include "lib/ssh/ssh_config.h"

struct ssh; /* opaque */

/*
 * Connects and authenticates within the time-out, which does not count the time
 * that prompts take.  NULL with an error recorded: ST_PEER, with what the user needs
 * to act on it (host and port; the key presented and the file and line that differ;
 * the methods tried and those that the peer accepts), or ST_USAGE for an invalid
 * configuration; why says what the caller can do, and is zeroed by it.  With
 * opt->may_leave it also fails where the library could do it, but ssh would do
 * better: over a shared connection, or by GSSAPI instead of a prompt.  Blocks; ends
 * early on cancel_set().  From the first call on this process cannot dump core.
 */
struct ssh *ssh_open(
	const struct location *loc, const struct ssh_options *opt, struct ssh_failure *why);

/*
 * Starts command in the login shell on the peer, on a channel of its own.  Returns
 * a stream socket (close-on-exec) that is connected to the command's standard input
 * and output, or -1 with ST_PEER recorded.  Shutting the socket down for writing
 * ends the standard input; closing it closes the channel.  ssh_stderr() returns the
 * last 4 KiB of standard error.  At most 8 commands can run on one connection.
 * Blocks until the command runs, at most for the time-out; ends early on
 * cancel_set().
 */
int ssh_exec(struct ssh *s, const char *command);

/*
 * The last 4 KiB that the commands wrote to standard error, escaped (text.h).  The
 * caller frees it.  NULL: no memory.
 */
char *ssh_stderr(struct ssh *s);

/*
 * The exit status of the last command that ended, or -1 if it is unknown.  If the
 * output of a command has ended, waits for its status, for at most 2 s.
 */
int ssh_exit_status(struct ssh *s);

/* Bytes of the standard input and output of all commands so far. */
uint64_t ssh_bytes(struct ssh *s);

/* The shortest round trip to the peer that was measured, in milliseconds, at least 1; 0: none. */
int64_t ssh_round_ms(struct ssh *s);

/* Why the connection was lost; "" if it was not.  Valid until ssh_close(). */
const char *ssh_lost_why(struct ssh *s);

/* Ends the pump and the connection and frees s; accepts NULL.  Blocks for at most 2 s. */
void ssh_close(struct ssh *s);

#endif
