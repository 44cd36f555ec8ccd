/*
 * ssh_keyword: one line of what `ssh -G` prints, put into an ssh_config.
 */
#ifndef IMG_SSH_KEYWORD_H
#define IMG_SSH_KEYWORD_H

#include "lib/ssh/ssh_config.h"

/* What has a meaning only when everything has been read; points into the lines. */
struct ssh_keyword_rest {
	const char *jump, *command, *methods;
};

/*
 * Takes "keyword value", changing line.  0, or -1 with an error recorded: an
 * option that is not honoured (see below), no memory.
 */
int ssh_keyword_take(struct ssh_config *c, struct ssh_keyword_rest *rest, char *line);

/* Records ST_PEER: option name is not supported, use --rsh ssh.  Returns -1. */
int ssh_keyword_refuse(const struct ssh_config *c, const char *name);

#endif
