/*
 * defaults: what the configuration on this host says about reaching other hosts.
 */
#ifndef IMG_DEFAULTS_H
#define IMG_DEFAULTS_H

#include "lib/peer/peer.h"

/*
 * *out: ssh.config of the user's file (opt->config, if given), else of the
 * system's file; NULL if neither has it.  The caller frees it.  0, or -1 with
 * ST_USAGE recorded: a file cannot be read or has an error.
 */
int defaults_ssh_config(char **out, const struct peer_options *opt);

#endif
