/*
 * conn_state: what conn.c and conn_read.c share; no other file includes it.
 */
#ifndef IMG_CONN_STATE_H
#define IMG_CONN_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/queue.h"
#include "lib/wire/conn.h"

#define CONN_INBOX 8 /* frames; the heartbeat holds one more, the receiver another */

/* How a connection has ended; it never becomes less. */
enum conn_end {
	CONN_OPEN,
	CONN_CANCELLED,	 /* by us */
	CONN_PEER_ERROR, /* it sent one */
	CONN_LOST	 /* nothing can be sent or received any more */
};

struct conn {
	int in, out;
	enum wire_side side;
	struct conn_hooks hooks;
	int silence_ms, beat_ms;
	int wake;	     /* eventfd: readable after the connection failed */
	int quit;	     /* eventfd: readable after conn_close() was called */
	atomic_bool closing; /* the same for the reader while bytes keep arriving */

	pthread_t thread;
	bool started;

	pthread_mutex_t send_lock;
	bool broken;
	_Atomic int64_t sent_at;
	_Atomic uint64_t bytes;

	pthread_mutex_t lock;
	enum conn_end end;
	struct err error;    /* status ST_OK: the peer only closed the connection */
	bool reading_done;   /* the thread will not read any more */
	pthread_cond_t done; /* signalled when reading_done is set */
	struct frame *spare; /* frames to be reused */

	struct queue inbox;
};

/* conn_read.c: the heartbeat thread. */
int conn_read_start(struct conn *c);
/* Waits a moment until bytes that the peer sent before it closed are read. */
void conn_read_settle(struct conn *c);

/* conn.c */
void conn_fail(struct conn *c, enum conn_end end, const struct err *e);
void conn_beat(struct conn *c);
void conn_frame_free(struct frame *f);

#endif
