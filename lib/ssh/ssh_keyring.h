/*
 * ssh_keyring: the user's ssh-agent, with one key shown at a time.
 *
 * libssh offers a peer whatever an agent holds, in its order; IdentitiesOnly,
 * the order of IdentityFile and a peer's MaxAuthTries want one certain key. So
 * libssh talks to a thread here, which names that one key only and passes
 * requests to sign on to the agent.
 */
#ifndef IMG_SSH_KEYRING_H
#define IMG_SSH_KEYRING_H

#include <libssh/libssh.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_KEYRING_KEYS_MAX 256
#define SSH_KEYRING_MESSAGE_MAX (256u << 10)

struct ssh_keyring {
	int agent; /* the connection to it, or -1 */
	int ours;  /* our end of what libssh talks to, or -1 */
	struct ssh_keyring_key {
		uint8_t *blob; /* public key or certificate, as on the wire */
		uint32_t len;
		char *comment;
	} * key;
	size_t count;
	pthread_t thread;
	bool is_running;
	pthread_mutex_t lock;
	const struct ssh_keyring_key *shown; /* under lock */
};

/* An empty one, which ssh_keyring_close() accepts. */
void ssh_keyring_init(struct ssh_keyring *k);

/*
 * Connects to the agent at path and asks for its keys.  0, or -1 with ST_PEER
 * recorded, and then k holds no keys.  Blocks while the agent does; ends early
 * on cancel_set().
 */
int ssh_keyring_open(struct ssh_keyring *k, const char *path);

/* Makes it session's agent.  0, or -1 with ST_PEER recorded. */
int ssh_keyring_attach(struct ssh_keyring *k, ssh_session session);

/* From now on ssh_userauth_agent() offers this key alone. */
void ssh_keyring_show(struct ssh_keyring *k, const struct ssh_keyring_key *key);

void ssh_keyring_close(struct ssh_keyring *k);

#endif
