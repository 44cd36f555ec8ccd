/*
 * defaults: what the configuration on this host says about reaching other hosts.
 */
#ifndef IMG_DEFAULTS_H
#define IMG_DEFAULTS_H

#include "lib/peer/peer.h"

struct defaults {
	char *ssh_config;						   /* ssh.config, or NULL */
	enum { DEFAULTS_AUTO, DEFAULTS_BUILTIN, DEFAULTS_OPENSSH } client; /* ssh.client */
};

/*
 * Reads each key from the user's file (opt->config, if given), else from the
 * system's file.  0, or -1 with ST_USAGE recorded: a file cannot be read or has an
 * error; d is then empty.
 */
int defaults_read(struct defaults *d, const struct peer_options *opt);
void defaults_fini(struct defaults *d);

#endif
