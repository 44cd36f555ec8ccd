/*
 * peer: a running helper, here or on another host, and requests to it.
 *
 * Local and remote differ only in how the process was started: by fork here
 * (start_local.c), through the built-in SSH client, or through --rsh
 * (start_shell.c).  The last two, and sudo here, end in a shell that has to
 * find, or be sent, the helper first (bootstrap.c).
 */
#ifndef IMG_PEER_H
#define IMG_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/kv.h"
#include "lib/base/location.h"
#include "lib/ssh/ssh_config.h"
#include "lib/wire/conn.h"

enum peer_sudo { PEER_SUDO_NONE = 0, PEER_SUDO_PEERS = 1, PEER_SUDO_HERE = 2, PEER_SUDO_ALL = 3 };

struct peer_options {
	struct ssh_options ssh;
	const char *rsh; /* --rsh, or NULL */
	enum peer_sudo sudo;
	const char *helper; /* --helper: a path on the peer, or NULL */
	const char *config; /* --config: the user's file on this host, or NULL */
	/* Called from another thread for each PROGRESS frame; or NULL. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
};

struct peer; /* opaque */

/*
 * Starts the helper on the host of loc (here if that has no host; with the
 * user's standard input and output if it is "-").  NULL recorded: ST_PEER, or
 * ST_USAGE of a configuration.  Blocks.
 */
struct peer *peer_open(const struct location *loc, const struct peer_options *opt);

struct conn *peer_conn(struct peer *p);
const char *peer_version(const struct peer *p); /* the helper's, made safe */

/* When this peer fails, other's receiver is woken (NULL: nobody's). */
void peer_wakes(struct peer *p, struct peer *other);

/*
 * Whether it can be asked for something: it has answered what it was asked
 * before, if only with a failure, and has neither gone nor confused us.
 */
bool peer_is_ready(const struct peer *p);

/* Sends a request; args are its other pairs.  0 or -1 recorded. */
int peer_request(struct peer *p, const char *op, const struct buf *args);

/*
 * The next RECORD (1) or the OK that ends the operation (0) into kv, which
 * the caller frees; -1 recorded: it failed, or the peer did.  Blocks.
 */
int peer_answer(struct peer *p, struct kv *kv);

/*
 * A request with exactly one record or none and an OK.  record and reply may
 * be NULL; the caller frees them.  0 or -1 recorded.
 */
int peer_call(struct peer *p, const char *op, const struct buf *args, struct kv *record,
	struct kv *reply);

/*
 * Lets the helper end, and waits until it has cleaned up and gone: PEER_CLOSE_MS
 * for its last word, and PEER_END_MS more for a process here, which is killed then.
 * Keeps the recorded error.
 */
#define PEER_CLOSE_MS 10000
#define PEER_END_MS 60000
void peer_close(struct peer *p); /* accepts NULL */

#endif
