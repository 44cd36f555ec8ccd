/*
 * ssh_auth: user authentication.
 */
#ifndef IMG_SSH_AUTH_H
#define IMG_SSH_AUTH_H

#include "lib/ssh/ssh_connect.h"

struct ssh_auth_how {
	bool is_given;		/* c's first identity comes from the command line */
	bool may_send_password; /* else keyboard-interactive and password are not tried */
	bool may_leave;		/* fails where only ssh can continue without a prompt */
};

/*
 * Tries the keys of the agent and of files, then keyboard-interactive, then a
 * password, as far as the configuration and the peer allow, until the peer accepts.
 * 0, or -1 with ST_PEER recorded, which names the methods that the peer accepts and
 * what was tried.  Blocks until l's deadline, which prompts move.
 */
int ssh_auth_login(struct ssh_link *l, const struct ssh_config *c, const struct ssh_auth_how *how);

#endif
