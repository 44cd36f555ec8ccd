/*
 * ssh_plain: the user's ssh_config where OpenSSH is not installed.
 *
 * libssh reads the file, and can be asked for a few of its values only; what
 * it skips in silence though it changes identity or route is refused here.
 */
#ifndef IMG_SSH_PLAIN_H
#define IMG_SSH_PLAIN_H

#include <libssh/libssh.h>

#include "lib/ssh/ssh_config.h"

/* As ssh_config_resolve(), which calls it; c is zeroed. */
int ssh_plain_resolve(
	struct ssh_config *c, const struct location *loc, const struct ssh_options *opt);

/*
 * Lets libssh read config_file (NULL: the user's and the system's) into a
 * session whose host is set: this is how algorithms get there.  0, or -1 with
 * ST_USAGE recorded.
 */
int ssh_plain_read(ssh_session session, const char *config_file);

#endif
