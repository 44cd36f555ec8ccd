/*
 * ssh_keys: the keys and certificates to try, in the order to try them.
 *
 * First what the command line named; then what the configuration names and
 * the agent holds; then the agent's other keys, unless IdentitiesOnly; then
 * the configuration's other files.  A certificate comes before its key.  None
 * comes twice.
 */
#ifndef IMG_SSH_KEYS_H
#define IMG_SSH_KEYS_H

#include <libssh/libssh.h>

#include "lib/ssh/ssh_config.h"
#include "lib/ssh/ssh_keyring.h"

struct ssh_keys {
	struct ssh_keys_item {
		const struct ssh_keyring_key *in_agent; /* or NULL: in a file */
		const char *file;			/* of the private key; c's */
		ssh_key public; /* or a certificate; NULL: only the private key can tell */
		char *label;	/* "key '/home/u/.ssh/id_rsa'", for messages */
	} * item;
	size_t count;
};

#define SSH_KEYS_INIT                                                                              \
	{                                                                                          \
		NULL, 0                                                                            \
	}

/*
 * Reads the public halves; files that are not there are left out.  is_given:
 * the first identity is the command line's.  0, or -1 with ST_FAILED recorded.
 * The items point into c and ring.
 */
int ssh_keys_find(struct ssh_keys *k, const struct ssh_config *c, bool is_given,
	const struct ssh_keyring *ring);
void ssh_keys_fini(struct ssh_keys *k); /* accepts an empty one */

#endif
