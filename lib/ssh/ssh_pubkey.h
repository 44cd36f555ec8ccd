/*
 * ssh_pubkey: logging in with one key or certificate.
 */
#ifndef IMG_SSH_PUBKEY_H
#define IMG_SSH_PUBKEY_H

#include "lib/ssh/ssh_connect.h"
#include "lib/ssh/ssh_keyring.h"
#include "lib/ssh/ssh_keys.h"

enum ssh_pubkey_result {
	SSH_PUBKEY_ERROR = -1, /* the connection cannot be used any more, or cancelled: recorded */
	SSH_PUBKEY_NO,	       /* not let in */
	SSH_PUBKEY_NO_PASSPHRASE, /* the key is locked, and there was nobody to ask */
	SSH_PUBKEY_UNREADABLE,	  /* no private key that libssh can read, or a wrong passphrase */
	SSH_PUBKEY_MORE,	  /* accepted, and another method is wanted too */
	SSH_PUBKEY_IN
};

/*
 * Offers the key; its private half is read, and its passphrase asked for, only
 * if the peer would take it.  prompts: how often to ask; 0: never.  Blocks
 * until the peer has answered, or until l's deadline.
 */
enum ssh_pubkey_result ssh_pubkey_try(struct ssh_link *l, const struct ssh_keys_item *item,
	struct ssh_keyring *ring, int prompts);

#endif
