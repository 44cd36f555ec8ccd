/*
 * ssh_query: asking an installed OpenSSH how it would connect (`ssh -G`).
 */
#ifndef IMG_SSH_QUERY_H
#define IMG_SSH_QUERY_H

#include "lib/base/buf.h"

#define SSH_QUERY_MAX (1u << 20) /* bytes of its answer, and of its messages */
#define SSH_QUERY_ARGS 16

/*
 * Runs ssh, found in the user's PATH and with the user's environment (a Match
 * exec may need it), with args (NULL-terminated, fewer than SSH_QUERY_ARGS), and
 * appends what it prints to out.  1: done; 0:
 * there is no ssh here; -1 with ST_USAGE recorded (what it objects to), or
 * ST_PEER (time-out, cancelled, too long an answer).  Blocks for at most
 * timeout_ms.
 */
int ssh_query_run(const char *const *args, struct buf *out, int timeout_ms);

#endif
