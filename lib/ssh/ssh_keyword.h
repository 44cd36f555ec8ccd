/*
 * ssh_keyword: parsing one line of the output of `ssh -G` into an ssh_config.
 */
#ifndef IMG_SSH_KEYWORD_H
#define IMG_SSH_KEYWORD_H

#include "lib/ssh/ssh_config.h"

/* Values that can be used only after the last line; they point into the lines. */
struct ssh_keyword_rest {
	const char *jump, *command, *methods;
};

/*
 * Parses "keyword value" and modifies line.  0, or -1 with an error recorded: the
 * option is not supported (see below), or a list is too long (ST_PEER); no memory.
 */
int ssh_keyword_take(struct ssh_config *c, struct ssh_keyword_rest *rest, char *line);

/* Replaces *to by a copy of value.  0, or -1 with ST_FAILED recorded: no memory. */
int ssh_keyword_set_string(char **to, const char *value);

bool ssh_keyword_is_none(const char *value); /* it is "none", in any case of letters */

/* Records ST_PEER: the option name is not supported (use --rsh ssh).  Returns -1. */
int ssh_keyword_refuse(const struct ssh_config *c, const char *name);

#endif
