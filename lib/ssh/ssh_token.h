/*
 * ssh_token: expansion of %-tokens, ${NAME} and ~ in values of an ssh_config.
 */
#ifndef IMG_SSH_TOKEN_H
#define IMG_SSH_TOKEN_H

#include <stdbool.h>

#include "lib/ssh/ssh_config.h"

/*
 * Expands %-tokens in value; as_path: also "~" or "~user" at its beginning, and
 * ${NAME}.  option is its name, for errors.  The caller frees the result.  NULL with
 * an error recorded: the token is not supported, or the variable is not set
 * (ST_PEER); no memory (ST_FAILED).
 */
char *ssh_token_expand(
	const struct ssh_config *c, const char *option, const char *value, bool as_path);

#endif
