/*
 * ssh_refusal: what a server that does not want to talk to us says instead of its version.
 *
 * OpenSSH's sshd sends one line of text and closes the connection while it has too many
 * connections, and since 9.8 for some time after failed logins from the same address.
 */
#ifndef IMG_SSH_REFUSAL_H
#define IMG_SSH_REFUSAL_H

#include <stdbool.h>

#include "lib/ssh/ssh_connect.h"

struct ssh_refusal {
	char line[256]; /* "": none so far */
};

/*
 * Notes the first line that waits in the link's socket, if it is not a version.  To be
 * called before libssh reads, which throws such a line away.  Waits up to timeout_ms for it.
 */
void ssh_refusal_peek(struct ssh_refusal *r, const struct ssh_link *l, int timeout_ms);

/* Records the line as the error of a key exchange that has failed.  Whether there is one. */
bool ssh_refusal_record(const struct ssh_refusal *r, const struct ssh_link *l);

#endif
