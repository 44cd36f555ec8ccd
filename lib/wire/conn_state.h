/*
 * conn_state: what conn.c, conn_read.c and conn_wait.c share; no other file includes it.
 */
#ifndef IMG_CONN_STATE_H
#define IMG_CONN_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

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

	pthread_mutex_t turn; /* is held to get send_lock, which makes its waiters take turns */
	pthread_mutex_t send_lock;
	bool broken;
	bool suspended; /* send_lock is held by conn_suspend() */
	_Atomic int64_t sent_at;
	_Atomic uint64_t bytes;

	pthread_mutex_t lock;
	enum conn_end end;
	struct err error;    /* status ST_OK: the peer only closed the connection */
	bool reading_done;   /* the thread will not read any more */
	bool pause_answered; /* the peer has answered our PAUSE */
	int limit_ms;	     /* of conn_limit(); 0: none */
	const char *limit_what;
	pthread_cond_t done; /* signalled when one of the first two is set */
	struct frame *spare; /* frames to be reused */

	struct queue inbox;
};

/* conn_read.c: the heartbeat thread. */
int conn_read_start(struct conn *c);

/* conn_wait.c */
/* Waits a moment until bytes that the peer sent before it closed are read. */
void conn_settle(struct conn *c);

/* conn.c */
void conn_fail(struct conn *c, enum conn_end end, const struct err *e);
/* Sends a BEAT, or a PAUSE of so many seconds, if that does not block.  Whether it was sent. */
bool conn_beat(struct conn *c, uint32_t pause_s);
/* Sends all of iov, and changes it on the way.  The caller holds send_lock. */
int conn_send_all(struct conn *c, struct iovec *iov, int count, int64_t deadline);
void conn_frame_free(struct frame *f);

#endif
