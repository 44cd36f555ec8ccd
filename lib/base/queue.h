/*
 * queue: a bounded queue of pointers between threads.
 *
 * queue_end() lets the readers drain what is in it; queue_stop() drops
 * nothing but wakes everybody at once: from then on all calls return "stopped".
 * Whoever made the queue frees what is left in it (queue_try_get() after a
 * stop still hands it out).
 */
#ifndef IMG_QUEUE_H
#define IMG_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t room, item;
	void **slot;
	size_t cap, head, count;
	bool ended, stopped;
};

/* 0, or -1 with ST_FAILED recorded.  cap is at least 1. */
int queue_init(struct queue *q, size_t cap);
void queue_fini(struct queue *q); /* accepts a zeroed queue */

/*
 * Blocks while the queue is full, at most timeout_ms (-1: for ever).
 * 1: put; 0: timed out; -1: stopped or ended, the item stays the caller's.
 * Records no error.
 */
int queue_put(struct queue *q, void *item, int timeout_ms);

/* Blocks while it is empty.  1: *item; 0: ended and empty; -1: stopped. */
int queue_get(struct queue *q, void **item);

/* Never blocks and works after a stop: the next item, or NULL. */
void *queue_try_get(struct queue *q);

void queue_end(struct queue *q);
void queue_stop(struct queue *q);
size_t queue_len(struct queue *q);

#endif
