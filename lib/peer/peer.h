/*
 * peer: a running helper, on this or another host, and requests to it.
 *
 * Local and remote differ only in how the process was started: by fork on this
 * host (start_local.c), or by a shell, which the built-in SSH client, --rsh or
 * sudo has started (start_shell.c).  The shell has to find the helper, or to
 * receive it, first (bootstrap.c).
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
	const char *helper; /* --helper: a path on the remote host, or NULL */
	const char *config; /* --config: the user's file on this host, or NULL */
	int retries;	    /* --retries: further tries to connect */
	/* Called from another thread for each PROGRESS frame; or NULL. */
	void (*progress)(void *arg, const struct wire_progress *p);
	void *arg;
};

/*
 * Whether the values can be used at all, so that nothing is begun with others.  0, or -1 recorded:
 * ST_USAGE.
 */
int peer_options_check(const struct peer_options *opt);

struct peer; /* opaque */

/*
 * Starts the helper on the host of loc, or on this host if loc has none.  If loc
 * is "-", the helper has the user's standard input and output.  NULL recorded:
 * ST_PEER, or ST_USAGE of a configuration or an option.  Blocks: each phase (to
 * connect and log in, to start the helper, to send it, to greet) at most for the
 * time-out.  As long as a peer on another host is open, Ctrl-Z is announced to it.
 */
struct peer *peer_open(const struct location *loc, const struct peer_options *opt);

struct conn *peer_conn(struct peer *p);

/*
 * Opens a further channel to the host of p, with a helper that has greeted.  loc is as for
 * peer_open().  NULL recorded, if there can be none.  Blocks for some round trips; any number of
 * threads may call it at the same time.
 */
struct conn *peer_lane_open(struct peer *p, const struct location *loc);

/*
 * Makes it the data lane with this number of the job with that token (wire.h), which the helper p
 * has told.  A stream socket, which the caller closes and nothing was sent over yet; or -1
 * recorded.  Frees the conn.  Blocks for a round trip, and may be called as peer_lane_open().
 */
int peer_lane_start(
	struct peer *p, struct conn *lane, const uint8_t token[WIRE_TOKEN_SIZE], unsigned number);

/* How many data lanes are good for the link to p; 0: none are possible. */
unsigned peer_lanes(struct peer *p);

/* How many data lanes of a job p takes at most. */
unsigned peer_lanes_max(const struct peer *p);

/* Bytes that were exchanged with p so far, all lanes included. */
uint64_t peer_bytes(struct peer *p);

/* Why the built-in client has lost the connection to p; "" if it has not, or there is none. */
const char *peer_lost_why(struct peer *p);

/* PROGRESS frames go there from now on, instead of to opt->progress; NULL: nowhere. */
void peer_set_progress(
	struct peer *p, void (*progress)(void *arg, const struct wire_progress *p), void *arg);

/* If p fails, whoever waits for a frame of other is woken (NULL: nobody). */
void peer_wakes(struct peer *p, struct peer *other);

/*
 * Whether it can take a request: it has answered the last one, with success or
 * with FAILED, and the connection is intact.
 */
bool peer_is_ready(const struct peer *p);

/*
 * Sends a request; args are its other pairs.  0 or -1 recorded.  All that answers
 * it may have PEER_REPLY_MAX bytes and PEER_RECORDS_MAX records, so whoever keeps
 * the records needs bounded memory.
 */
#define PEER_REPLY_MAX (4u << 20)
#define PEER_RECORDS_MAX 16384
int peer_request(struct peer *p, const char *op, const struct buf *args);

/* The same with an answer of any length, up to PEER_LIST_MAX records, none of which is kept. */
#define PEER_LIST_MAX (1u << 26)
int peer_request_list(struct peer *p, const char *op, const struct buf *args);

/* The same for an operation that runs until it is ended, and sends any number of records. */
int peer_request_endless(struct peer *p, const char *op, const struct buf *args);

/*
 * Reads the next RECORD (1), or the OK that ends the operation (0), into kv, which
 * the caller frees.  -1 recorded: the operation or the connection failed.  Blocks.
 */
int peer_answer(struct peer *p, struct kv *kv);

/*
 * Sends a request and waits for at most one record (none if record is NULL) and
 * the OK.  reply may be NULL.  The caller frees both.  0 or -1 recorded.  Blocks.
 */
int peer_call(struct peer *p, const char *op, const struct buf *args, struct kv *record,
	struct kv *reply);

/*
 * Tells the helper to end, and waits until it has cleaned up and ended: PEER_CLOSE_MS
 * for the end of its channel, and PEER_END_MS more for a process on this host;
 * only PEER_LOST_MS for a program that has lost its connection, or a helper that did not
 * start.  After that such a program is killed, but not a helper on this host, which may still have
 * to clean up: a disk can need minutes for what was written to it.  Keeps the recorded error.
 */
#define PEER_CLOSE_MS 10000
#define PEER_END_MS 60000
#define PEER_LOST_MS 1000
void peer_close(struct peer *p); /* accepts NULL */

#endif
