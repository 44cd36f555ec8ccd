/*
 * ssh_keyring: the user's ssh-agent, of which libssh sees one key at a time.
 *
 * libssh offers all keys of an agent to the peer, in the agent's order.  But
 * IdentitiesOnly, the order of IdentityFile and the peer's MaxAuthTries require that
 * one certain key is offered.  So libssh is connected not to the agent but to a
 * thread here, which lists only that key and forwards signing requests to the agent.
 * A certificate whose key is in the agent but which is itself only in a file is
 * listed there, too.
 */
#ifndef IMG_SSH_KEYRING_H
#define IMG_SSH_KEYRING_H

#include <libssh/libssh.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/deadline.h"

#define SSH_KEYRING_KEYS_MAX 256
#define SSH_KEYRING_MESSAGE_MAX (256u << 10)

struct ssh_keyring {
	int agent; /* the connection to the agent, or -1 */
	int ours;  /* our end of the socket pair to libssh, or -1 */
	struct ssh_keyring_key {
		uint8_t *blob; /* public key or certificate, in SSH wire format */
		uint32_t len;
		char *comment;
	} *key;
	size_t count;
	pthread_t thread;
	bool is_running;
	pthread_mutex_t lock;
	const struct ssh_keyring_key *shown; /* under lock, as the next two */
	const uint8_t *cert;		     /* shown instead of it, or NULL */
	uint32_t cert_len;
};

/* Makes an empty keyring, which ssh_keyring_close() accepts. */
void ssh_keyring_init(struct ssh_keyring *k);

/*
 * Connects to the agent at path and gets its keys.  0, or -1 with ST_PEER recorded;
 * then k is empty.  Blocks until the agent has answered, at most limit_ms; ends early on
 * cancel_set().
 */
int ssh_keyring_open(struct ssh_keyring *k, const char *path, int limit_ms);

/*
 * Makes k the agent of session, unless it is empty.  0, or -1 with an error recorded
 * (ST_PEER; ST_FAILED if no thread can be started).
 */
int ssh_keyring_attach(struct ssh_keyring *k, ssh_session session);

/*
 * From now on ssh_userauth_agent() offers only this key; or, if cert is not NULL, that
 * certificate of the key, in SSH wire format, for which the agent signs with the key.
 * cert must stay valid until the next call.
 */
void ssh_keyring_show(struct ssh_keyring *k, const struct ssh_keyring_key *key, const uint8_t *cert,
	uint32_t cert_len);

/* Ends the thread and the connection and frees the keys; k is empty then. */
void ssh_keyring_close(struct ssh_keyring *k);

#endif
