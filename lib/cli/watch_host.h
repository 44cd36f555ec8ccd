/*
 * watch_host: the disks of one host that img-watch watches, by one request to its helper.
 *
 * A thread for each host waits for what its helper reports, and passes it on to the main thread,
 * so that hosts do not wait for each other.
 */
#ifndef IMG_WATCH_HOST_H
#define IMG_WATCH_HOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/queue.h"
#include "lib/peer/peer.h"

/* What all hosts share: reports on their way to the main thread. */
struct watch_inbox {
	struct queue reports; /* of struct watch_report * */
	int wake;	      /* an eventfd: readable if there is something to look at */
};

struct watch_host {
	struct peer *peer;
	const struct location *at; /* one of its locations, borrowed */
	int *disk;		   /* the numbers of its locations, in the order of the request */
	size_t count;
	struct watch_inbox *inbox;
	pthread_t thread;
	bool is_running; /* the thread */
	/* Set by the main thread: nothing more comes from it; a disk cannot be watched. */
	bool has_ended, has_failed;
	atomic_bool was_measured; /* since the main thread has cleared it */
};

struct watch_report {
	struct watch_host *host;
	int result; /* of peer_answer(): 1: kv is an event; 0: kv is the OK; -1: error */
	struct kv kv;
	struct err error;
};

int watch_inbox_init(struct watch_inbox *inbox); /* 0, or -1 recorded */
void watch_inbox_fini(struct watch_inbox *inbox);

/* The next report, or NULL; the caller calls watch_report_free().  Does not block. */
struct watch_report *watch_inbox_next(struct watch_inbox *inbox);
void watch_report_free(struct watch_report *r); /* accepts NULL */

/*
 * Connects to the host of h->at, blocking as peer_open(), and sends the request.  0, or -1
 * recorded.
 */
int watch_host_open(
	struct watch_host *h, const struct peer_options *opt, const struct buf *request);

/* Starts the thread.  0, or -1 recorded. */
int watch_host_start(struct watch_host *h, struct watch_inbox *inbox);

/* Ends the thread and the helper; blocks until that has cleaned up.  Keeps the recorded error. */
void watch_host_close(struct watch_host *h);

#endif
