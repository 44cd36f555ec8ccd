/*
 * ssh_hostkey: whether the peer is the host that it should be.
 */
#ifndef IMG_SSH_HOSTKEY_H
#define IMG_SSH_HOSTKEY_H

#include "lib/ssh/ssh_connect.h"

/*
 * Before the key exchange: asks for a key of a type that is known already, so
 * that an old key of another type does not look like a new host.  0, or -1
 * with ST_PEER recorded.
 */
int ssh_hostkey_prefer(struct ssh_link *l, const struct ssh_config *c);

/*
 * After the key exchange, before anything is said: 0 if the key may be
 * trusted, else -1 with ST_PEER recorded, naming host, type, fingerprint and
 * file.  An unknown key is asked about on the terminal if StrictHostKeyChecking
 * is ask, and then kept.  *trusted is false if it is let pass only by
 * StrictHostKeyChecking no: then no password is to be told.  Blocks on the
 * question.
 */
int ssh_hostkey_check(struct ssh_link *l, const struct ssh_config *c, bool *trusted);

#endif
