/*
 * A ring of cap slots under one lock; count slots are in use, beginning at head.
 * Time-outs use the monotonic clock, so that setting the time of day does not
 * change them.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/queue.h"

/* Initialises a condition that uses the monotonic clock.  0, or an errno. */
static int cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc)
		return rc;
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!rc)
		rc = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

int queue_init(struct queue *q, size_t cap)
{
	memset(q, 0, sizeof(*q));
	if (cap == 0 || cap > PTRDIFF_MAX / sizeof(*q->slot))
		return err_set(ST_FAILED, "cannot create a queue of %zu items", cap);
	q->cap = cap;
	q->slot = calloc(cap, sizeof(*q->slot));
	if (!q->slot)
		goto no_slot;
	if (pthread_mutex_init(&q->lock, NULL))
		goto no_lock;
	if (cond_init(&q->space))
		goto no_space;
	if (cond_init(&q->item))
		goto no_item;
	return 0;
no_item:
	pthread_cond_destroy(&q->space);
no_space:
	pthread_mutex_destroy(&q->lock);
no_lock:
	free(q->slot);
no_slot:
	memset(q, 0, sizeof(*q));
	return err_set(ST_FAILED, "cannot create a queue: out of memory");
}

void queue_fini(struct queue *q)
{
	if (!q->slot)
		return;
	pthread_cond_destroy(&q->space);
	pthread_cond_destroy(&q->item);
	pthread_mutex_destroy(&q->lock);
	free(q->slot);
	memset(q, 0, sizeof(*q));
}

static struct timespec deadline_after(int timeout_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += timeout_ms / 1000;
	t.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	return t;
}

int queue_put(struct queue *q, void *item, int timeout_ms)
{
	struct timespec until = { 0, 0 };
	int rc = 0, result;

	if (timeout_ms > 0)
		until = deadline_after(timeout_ms);
	pthread_mutex_lock(&q->lock);
	while (q->count == q->cap && !q->stopped && !q->ended && timeout_ms && rc != ETIMEDOUT) {
		if (timeout_ms < 0)
			pthread_cond_wait(&q->space, &q->lock);
		else
			rc = pthread_cond_timedwait(&q->space, &q->lock, &until);
	}
	if (q->stopped || q->ended) {
		result = -1;
	} else if (q->count == q->cap) {
		result = 0;
	} else {
		q->slot[(q->head + q->count++) % q->cap] = item;
		pthread_cond_signal(&q->item);
		result = 1;
	}
	pthread_mutex_unlock(&q->lock);
	return result;
}

/* Call with the lock held, and only if there is an item. */
static void *take_item(struct queue *q)
{
	void *item = q->slot[q->head];

	q->head = (q->head + 1) % q->cap;
	q->count--;
	pthread_cond_signal(&q->space);
	return item;
}

int queue_get(struct queue *q, void **item)
{
	int result = 0;

	pthread_mutex_lock(&q->lock);
	while (q->count == 0 && !q->ended && !q->stopped)
		pthread_cond_wait(&q->item, &q->lock);
	if (q->stopped) {
		result = -1;
	} else if (q->count) {
		*item = take_item(q);
		result = 1;
	}
	pthread_mutex_unlock(&q->lock);
	return result;
}

void *queue_try_get(struct queue *q)
{
	void *item;

	pthread_mutex_lock(&q->lock);
	item = q->count ? take_item(q) : NULL;
	pthread_mutex_unlock(&q->lock);
	return item;
}

static void set_and_wake(struct queue *q, bool *flag)
{
	pthread_mutex_lock(&q->lock);
	*flag = true;
	pthread_cond_broadcast(&q->space);
	pthread_cond_broadcast(&q->item);
	pthread_mutex_unlock(&q->lock);
}

void queue_end(struct queue *q)
{
	set_and_wake(q, &q->ended);
}

void queue_stop(struct queue *q)
{
	set_and_wake(q, &q->stopped);
}

void queue_go_on(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->stopped = false;
	pthread_mutex_unlock(&q->lock);
}
