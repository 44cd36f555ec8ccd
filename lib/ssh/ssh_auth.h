/*
 * ssh_auth: user authentication.
 */
#ifndef IMG_SSH_AUTH_H
#define IMG_SSH_AUTH_H

#include "lib/ssh/ssh_connect.h"

/*
 * Tries the keys of the agent and of files, then keyboard-interactive, then a
 * password, as far as the configuration and the peer allow, until the peer accepts.
 * is_given: c's first identity comes from the command line.  may_send_password:
 * without it, keyboard-interactive and password are not tried.  0, or -1 with
 * ST_PEER recorded, which names the methods that the peer accepts and what was
 * tried.  Blocks until l's deadline, to which the time of prompts is added.
 */
int ssh_auth_login(
	struct ssh_link *l, const struct ssh_config *c, bool is_given, bool may_send_password);

#endif
