/*
 * order: a block waits at left[seq % most].  The numbers from `turn` on were given to different
 * blocks, one after another, and there are only `most` blocks; so no two have the same place.
 */
#include "lib/flow/order.h"

#include <string.h>

void order_init(struct order *o, unsigned jobs)
{
	memset(o, 0, sizeof(*o));
	o->most = jobs + ORDER_SPARE;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->returned, NULL);
}

void order_fini(struct order *o)
{
	while (o->made > 0)
		block_free(o->all[--o->made]);
	pthread_cond_destroy(&o->returned);
	pthread_mutex_destroy(&o->lock);
}

/*
 * Wakes one of the waiting workers when there are several blocks for it, as a wake-up takes
 * about as long as coding a block; it wakes the next if it leaves as many.  Others still wait
 * to be sent, so that the sender does not run out of them.  No worker waits for ever: a worker
 * that ended keeps at most one block, so more than ORDER_WAKE others become idle at the end.
 */
static void order_wake(struct order *o)
{
	if (o->waiting && o->idles >= ORDER_WAKE)
		pthread_cond_signal(&o->returned);
}

struct block *order_take(struct order *o)
{
	struct block *b = NULL;

	pthread_mutex_lock(&o->lock);
	while (!o->idles && o->made == o->most && !o->is_stopped) {
		o->waiting++;
		pthread_cond_wait(&o->returned, &o->lock);
		o->waiting--;
	}
	if (o->is_stopped)
		b = NULL;
	else if (o->idles)
		b = o->idle[--o->idles];
	else if ((b = block_new()))
		o->all[o->made++] = b;
	order_wake(o);
	pthread_mutex_unlock(&o->lock);
	return b;
}

bool order_leave(struct order *o, struct block *b)
{
	bool sends;

	pthread_mutex_lock(&o->lock);
	o->left[b->seq % o->most] = b;
	sends = !o->is_sending && b->seq == o->turn;
	o->is_sending = o->is_sending || sends;
	pthread_mutex_unlock(&o->lock);
	return sends;
}

static void order_return(struct order *o, struct block *b)
{
	o->left[b->seq % o->most] = NULL;
	o->turn = b->seq + 1;
	o->idle[o->idles++] = b;
	order_wake(o);
}

struct block *order_next(struct order *o, struct block *sent)
{
	struct block *b = NULL;

	pthread_mutex_lock(&o->lock);
	if (sent)
		order_return(o, sent);
	if (!o->is_stopped)
		b = o->left[o->turn % o->most];
	o->is_sending = b != NULL;
	pthread_mutex_unlock(&o->lock);
	return b;
}

void order_stop(struct order *o)
{
	pthread_mutex_lock(&o->lock);
	o->is_stopped = true;
	pthread_cond_broadcast(&o->returned);
	pthread_mutex_unlock(&o->lock);
}
