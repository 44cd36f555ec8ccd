/*
 * ssh_plain: the user's SSH configuration if OpenSSH is not installed.
 *
 * libssh reads the files and returns a few of their values.  It ignores some options
 * that change identity or route; these are refused here.
 */
#ifndef IMG_SSH_PLAIN_H
#define IMG_SSH_PLAIN_H

#include <libssh/libssh.h>

#include "lib/ssh/ssh_config.h"

/* As ssh_config_resolve(), which calls this function; c must be zeroed. */
int ssh_plain_resolve(
	struct ssh_config *c, const struct location *loc, const struct ssh_options *opt);

/*
 * Lets libssh read config_file (NULL: the files of the user and the system) into a
 * session whose host is set; this sets the algorithms.  0, or -1 with ST_USAGE
 * recorded.
 */
int ssh_plain_read(ssh_session session, const char *config_file);

#endif
