/*
 * ssh_keys: the keys and certificates to try, in the order in which they are tried.
 *
 * The order is: the key given on the command line; the keys that the configuration
 * names and the agent holds; the other keys of the agent, unless IdentitiesOnly is
 * set; the other files that the configuration names.  A certificate comes before
 * its key.  Nothing is tried twice.
 */
#ifndef IMG_SSH_KEYS_H
#define IMG_SSH_KEYS_H

#include <libssh/libssh.h>

#include "lib/ssh/ssh_config.h"
#include "lib/ssh/ssh_keyring.h"

struct ssh_keys {
	struct ssh_keys_item {
		const struct ssh_keyring_key *in_agent; /* or NULL: the key is in a file */
		const char *file;			/* of the private key; owned by c */
		ssh_key public; /* public key or certificate; NULL: only in the private key */
		char *label;	/* "key '/home/u/.ssh/id_rsa'", for messages */
		uint8_t *cert;	/* a certificate of the key in_agent, in SSH wire format; or NULL */
		uint32_t cert_len;
	} *item;
	size_t count;
};

/*
 * Makes the list and reads the public keys; missing files are skipped.  is_given:
 * the first identity comes from the command line.  0, or -1 with ST_FAILED recorded.
 * The items point into c and ring, which must outlive k.
 */
int ssh_keys_find(struct ssh_keys *k, const struct ssh_config *c, bool is_given,
	const struct ssh_keyring *ring);
void ssh_keys_fini(struct ssh_keys *k); /* accepts an empty list */

#endif
