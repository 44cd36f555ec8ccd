/*
 * queue: a bounded queue of pointers between threads.
 *
 * After queue_end() nothing can be put, and the readers get the remaining items.
 * queue_stop() wakes all waiting threads; from then on queue_put() and queue_get()
 * return -1.  The remaining items stay in the queue: its owner gets them by
 * queue_try_get() and frees them.
 */
#ifndef IMG_QUEUE_H
#define IMG_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t space, item;
	void **slot;
	size_t cap, head, count;
	bool ended, stopped;
};

/* 0, or -1 with ST_FAILED recorded.  cap is at least 1. */
int queue_init(struct queue *q, size_t cap);
void queue_fini(struct queue *q); /* accepts a zeroed queue */

/*
 * Blocks while the queue is full, at most timeout_ms (-1: without limit).  1: the
 * item was put; 0: timed out; -1: stopped or ended.  After 0 and -1 the item still
 * belongs to the caller.  Records no error.
 */
int queue_put(struct queue *q, void *item, int timeout_ms);

/* Blocks while the queue is empty.  1: *item is set; 0: ended and empty; -1: stopped. */
int queue_get(struct queue *q, void **item);

/* The next item, or NULL.  Never blocks, and works after queue_stop(). */
void *queue_try_get(struct queue *q);

void queue_end(struct queue *q);
void queue_stop(struct queue *q);
void queue_go_on(struct queue *q); /* after queue_stop(): as if it had not been stopped */

#endif
