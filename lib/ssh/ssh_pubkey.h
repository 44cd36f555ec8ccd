/*
 * ssh_pubkey: authentication with one key or certificate.
 */
#ifndef IMG_SSH_PUBKEY_H
#define IMG_SSH_PUBKEY_H

#include "lib/ssh/ssh_connect.h"
#include "lib/ssh/ssh_keyring.h"
#include "lib/ssh/ssh_keys.h"

enum ssh_pubkey_result {
	SSH_PUBKEY_ERROR = -1, /* connection lost, no answer from the user, or cancel; recorded */
	SSH_PUBKEY_NO,	       /* the peer does not accept the key */
	SSH_PUBKEY_NO_PASSPHRASE, /* the key has a passphrase, and prompts are not possible */
	SSH_PUBKEY_TOO_OPEN,	  /* others may read the private key */
	SSH_PUBKEY_FIDO,	  /* accepted, but signing needs a security key: beyond libssh */
	SSH_PUBKEY_UNREADABLE,	  /* libssh cannot read the private key, or wrong passphrase */
	SSH_PUBKEY_MORE,	  /* accepted, and the peer requires another method too */
	SSH_PUBKEY_IN		  /* logged in */
};

/*
 * Offers the public key to the peer.  Only if the peer accepts it, the private key
 * is read and its passphrase prompted for.  prompts: how often; 0: never.  Blocks
 * until the peer has answered, at most until l's deadline.
 */
enum ssh_pubkey_result ssh_pubkey_try(struct ssh_link *l, const struct ssh_keys_item *item,
	struct ssh_keyring *ring, int prompts);

#endif
