/*
 * ssh_token: the %-tokens, ${NAME} and ~ of values in an ssh_config.
 */
#ifndef IMG_SSH_TOKEN_H
#define IMG_SSH_TOKEN_H

#include <stdbool.h>

#include "lib/ssh/ssh_config.h"

/*
 * Expands what option's value holds.  as_path: "~", "~user" and ${NAME} too.
 * Fresh memory, or NULL with ST_PEER recorded: a token that is not known here
 * (naming option and --rsh ssh), a variable that is not set.
 */
char *ssh_token_expand(
	const struct ssh_config *c, const char *option, const char *value, bool as_path);

#endif
