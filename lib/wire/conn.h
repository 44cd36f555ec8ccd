/*
 * conn: frames over a pair of descriptors, with signs of life.
 *
 * Each connection has one thread, the heartbeat.  It reads whatever arrives into
 * a bounded inbox, sends a BEAT when nothing else was sent, and notices a lost
 * peer (end of file, an error, silence) even while all other threads are busy.
 * Messages, progress and the peer's error bypass the inbox, so that a full disk
 * at the peer is known at once.  Any thread may send; only one thread at a time
 * may receive.
 */
#ifndef IMG_CONN_H
#define IMG_CONN_H

#include "lib/wire/wire.h"

/* Called by the heartbeat thread; must not block for long.  Each may be NULL. */
struct conn_hooks {
	void (*message)(void *arg, int level, const char *text);
	void (*progress)(void *arg, const struct wire_progress *p);
	void (*ended)(void *arg); /* an ERROR came, or the peer is lost; told at once to a helper */
	void *arg;
};

struct frame {
	enum wire_type type;
	uint32_t len;
	uint8_t *payload; /* len bytes; DATA and HOLE: NULL, it is in block */
	struct block *block;
	struct frame *next; /* for conn itself */
};

struct conn; /* opaque */

/*
 * Takes over in and out (which may be the same descriptor) and starts the
 * heartbeat.  side is ours.  silence_ms 0 means WIRE_SILENCE_MS; with a shorter
 * time, BEATs are sent more often, too.  CONN_NO_SILENCE: only end of file counts.
 * NULL with ST_FAILED recorded; the descriptors are then closed.
 */
#define CONN_NO_SILENCE (-1)
struct conn *conn_new(
	int in, int out, enum wire_side side, const struct conn_hooks *hooks, int silence_ms);

/*
 * Send one frame.  Block while the peer does not read.  0, or -1 with an error
 * recorded: the peer's ERROR if it sent one, ST_PEER if it is lost or has closed
 * the connection, ST_FAILED "interrupted" after cancel_set().
 */
int conn_send(struct conn *c, enum wire_type type, const void *payload, size_t len);
int conn_send_block(struct conn *c, const struct block *b);
int conn_send_failed(struct conn *c, const struct err *e);

/* Sends the last frame, also after a failure.  Gives up if the peer does not read it soon. */
int conn_send_error(struct conn *c, const struct err *e);

/*
 * 1: *out is the next frame, which the caller gives back with conn_release();
 * 0: the peer closed the connection between two frames; -1 with an error recorded
 * as by conn_send(); then *out is NULL.  Blocks.
 */
int conn_recv(struct conn *c, struct frame **out);
void conn_release(struct conn *c, struct frame *f);

/* As conn_recv(), but 0 for a frame of exactly that type, else -1 with an error recorded. */
int conn_expect(struct conn *c, enum wire_type type, struct frame **out);

/*
 * From now on, the connection fails after ms, whatever arrives: ST_PEER, what and
 * " for N s".  0: no longer.
 */
void conn_limit(struct conn *c, int ms, const char *what);

/* Makes this and every further conn_recv() return -1 "stopped", and drops what still arrives. */
void conn_stop(struct conn *c);

/* Lets conn_recv() receive again after conn_stop().  Only if no frame is due meanwhile. */
void conn_go_on(struct conn *c);

/* Tells the peer that nothing more follows (end of file).  Call it once. */
void conn_finish(struct conn *c);

/*
 * Whether the connection has failed: the peer sent ERROR, is lost or has closed
 * the connection, or this process was cancelled.  Then e, if not NULL, gets the
 * error; its status is ST_OK if the peer only closed the connection.
 */
bool conn_failed(struct conn *c, struct err *e);

/*
 * Waits at most timeout_ms until the peer has closed its side, and drops the
 * frames that still arrive.  Returns whether it has.
 */
bool conn_drain(struct conn *c, int timeout_ms);

/* Whether the connection is broken: end of file, an error, silence, an invalid frame. */
bool conn_is_lost(struct conn *c);

/*
 * Tells the peer that this process is about to be stopped for at most
 * WIRE_PAUSE_MAX_S, and waits at most CONN_SUSPEND_MS for its answer.  Nothing is sent until
 * conn_resume(), which the same thread calls afterwards.  A peer that does not
 * answer is not told.  Client only.
 */
#define CONN_SUSPEND_MS 5000
void conn_suspend(struct conn *c);
void conn_resume(struct conn *c);

/* Bytes of frames sent and received so far. */
uint64_t conn_bytes(struct conn *c);

void conn_close(struct conn *c); /* accepts NULL */

/*
 * Frees c, and gives its descriptors to the caller, who closes them.  They are non-blocking.  The
 * peer must send nothing between the last frame that was received and the return.
 */
void conn_detach(struct conn *c, int *in, int *out);

/* The connections that blocks go over, in turn: the control lane alone, or data lanes. */
struct lanes {
	struct conn *conn[WIRE_LANES_MAX];
	unsigned count;
	uint64_t turn; /* blocks that went over them */
};

/* The control lane alone: a pointer that is valid in the block where it is written. */
#define LANES_ONE(control) (&(struct lanes){ .conn = { control }, .count = 1 })

/* The one for the next block, or the END. */
static inline struct conn *lanes_next(struct lanes *l)
{
	return l->conn[l->turn++ % l->count];
}

#endif
