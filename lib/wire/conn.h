/*
 * conn: frames over a pair of descriptors, with life signs.
 *
 * Each connection has one thread, the heartbeat: it reads whatever arrives
 * into a bounded inbox, sends a BEAT when nothing else was sent, and notices a
 * lost peer (end of file, an error, silence) even while everybody else is
 * busy.  Messages, progress and the peer's error go past the inbox, so that a
 * peer's full disk is known at once.  Sending may be done from any thread,
 * receiving from one at a time.
 */
#ifndef IMG_CONN_H
#define IMG_CONN_H

#include "lib/wire/wire.h"

/* Called by the heartbeat thread; must not block for long.  Each may be NULL. */
struct conn_hooks {
	void (*message)(void *arg, int level, const char *text);
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void (*ended)(void *arg); /* an ERROR came, or the peer is lost */
	void *arg;
};

struct frame {
	enum wire_type type;
	uint32_t len;
	uint8_t *payload; /* len bytes; DATA and HOLE: NULL, it is in block */
	struct block *block;
	struct frame *next; /* conn's own */
};

struct conn; /* opaque */

/*
 * Takes over in and out (which may be the same descriptor) and starts the
 * heartbeat.  side is ours; silence_ms 0 means WIRE_SILENCE_MS.  A shorter one
 * makes our own beats as much more frequent.  NULL with ST_FAILED recorded; the
 * descriptors are closed then too.
 */
struct conn *conn_new(
	int in, int out, enum wire_side side, const struct conn_hooks *hooks, int silence_ms);

/*
 * Send one frame, blocking while the peer does not read.  0, or -1 with an
 * error recorded: the peer's own ERROR if it sent one, ST_PEER if it is lost or
 * gone, ST_FAILED "interrupted" after cancel_set().
 */
int conn_send(struct conn *c, enum wire_type type, const void *payload, size_t len);
int conn_send_block(struct conn *c, const struct block *b);
int conn_send_failed(struct conn *c, const struct err *e);

/* The last word: also after a failure, and for a moment only. */
int conn_send_error(struct conn *c, const struct err *e);

/*
 * The next frame, to be given back with conn_release(): 1; 0: the peer closed
 * the connection between frames; -1 with an error recorded, as conn_send().
 * Blocks.
 */
int conn_recv(struct conn *c, struct frame **out);
void conn_release(struct conn *c, struct frame *f);

/* As conn_recv() with a frame of exactly that type, or -1 with ST_PEER recorded. */
int conn_expect(struct conn *c, enum wire_type type, struct frame **out);

/* Makes this and every further conn_recv() return -1 "stopped". */
void conn_stop(struct conn *c);

/* Tells the peer that no more will come (end of file).  Once. */
void conn_finish(struct conn *c);

/*
 * Whether an ERROR came or the peer is lost or gone; then e (or NULL) has it,
 * with ST_OK if it just closed the connection.
 */
bool conn_failed(struct conn *c, struct err *e);

/*
 * Waits until the peer has closed its side, at most timeout_ms, dropping what
 * still comes.  Whether it has.
 */
bool conn_drain(struct conn *c, int timeout_ms);

/* Bytes of frames sent and received so far. */
uint64_t conn_bytes(struct conn *c);

void conn_close(struct conn *c); /* accepts NULL */

#endif
