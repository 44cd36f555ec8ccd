/*
 * ssh_hostkey: verification of the peer's host key.
 */
#ifndef IMG_SSH_HOSTKEY_H
#define IMG_SSH_HOSTKEY_H

#include "lib/ssh/ssh_connect.h"

/*
 * Sets the order of the host key algorithms, before the key exchange: types of keys
 * in the known_hosts files come first, so that a known host is not taken for a
 * changed one because it also has a key of another type.  0, or -1 with an error
 * recorded (ST_PEER; ST_FAILED without memory).
 */
int ssh_hostkey_prefer(struct ssh_link *l, const struct ssh_config *c);

/*
 * Verifies the host key, after the key exchange and before authentication.  0: the
 * connection may continue; -1 with ST_PEER recorded, naming host, type, fingerprint
 * and file.  With StrictHostKeyChecking ask, the user is asked about an unknown key,
 * and it is added to known_hosts.  *trusted is false if the key has changed and is
 * accepted only because StrictHostKeyChecking is no: then the caller must not send
 * passwords.  A host that has a @cert-authority and no known key is beyond the library.
 * Blocks while it prompts.
 */
int ssh_hostkey_check(struct ssh_link *l, const struct ssh_config *c, bool *trusted);

#endif
