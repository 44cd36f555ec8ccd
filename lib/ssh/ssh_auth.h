/*
 * ssh_auth: logging in.
 */
#ifndef IMG_SSH_AUTH_H
#define IMG_SSH_AUTH_H

#include "lib/ssh/ssh_connect.h"

/*
 * Tries agent and keys, then keyboard-interactive, then a password, as far as
 * the configuration and the peer allow, until the peer is content.  is_given:
 * c's first identity is the command line's.  may_tell: a password may be told
 * to this peer.  0, or -1 with ST_PEER recorded: what the peer accepts and
 * what was tried.  Blocks; questions on the terminal do not count for l's
 * deadline.
 */
int ssh_auth_login(struct ssh_link *l, const struct ssh_config *c, bool is_given, bool may_tell);

#endif
