/*
 * ssh_query: running an installed OpenSSH as `ssh -G`, which prints its configuration.
 */
#ifndef IMG_SSH_QUERY_H
#define IMG_SSH_QUERY_H

#include <stdbool.h>

#include "lib/base/buf.h"

#define SSH_QUERY_MAX (1u << 20) /* bytes of its output, and of its messages */
#define SSH_QUERY_ARGS 160
#define SSH_QUERY_TERMINAL "uses the terminal" /* in an error: ssh must run without -G */

/*
 * Runs ssh with args (NULL-terminated, fewer than SSH_QUERY_ARGS) and appends its
 * output to out.  ssh is searched in the user's PATH and gets the user's
 * environment, which a Match exec may need.  1: done; 0: ssh is not installed; -1
 * with ST_USAGE recorded, in ssh's words, or ST_PEER (the host name does not resolve,
 * it cannot be executed, time-out, cancel, too much output).  Blocks for at most timeout_ms.
 */
int ssh_query_run(const char *const *args, struct buf *out, int timeout_ms);

/*
 * Whether the installed ssh knows ForkAfterAuthentication, StdinNull and SessionType
 * (8.7 and later).  Blocks as above; records no error.
 */
bool ssh_query_knows_session_options(void);

#endif
