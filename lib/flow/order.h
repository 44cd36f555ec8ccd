/*
 * order: the blocks of a flow, which are coded at the same time and sent one after another.
 *
 * A worker takes an empty block, fills and codes it, and leaves it.  If it is its turn, the
 * worker sends it, and then all that follow and were left already; else it goes on with
 * another block.  So no worker waits for its turn, and one that sends goes on sending.  The
 * number of blocks is limited: when all are filled, the workers that want another wait.
 *
 * All functions may be called by any worker, unless they say otherwise.
 */
#ifndef IMG_ORDER_H
#define IMG_ORDER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/block/block.h"

#define ORDER_JOBS_MAX 64
#define ORDER_SPARE 8 /* blocks that may wait to be sent while each worker has another */
#define ORDER_WAKE 4  /* idle blocks at which a worker that waits for one is woken */
#define ORDER_BLOCKS_MAX (ORDER_JOBS_MAX + ORDER_SPARE)

struct order {
	pthread_mutex_t lock;
	pthread_cond_t returned; /* ORDER_WAKE blocks are idle, or it was stopped */
	struct block *all[ORDER_BLOCKS_MAX];
	unsigned made, most;		      /* how many of them there are, and may be */
	struct block *idle[ORDER_BLOCKS_MAX]; /* a stack: the last one is still in the caches */
	unsigned idles;
	unsigned waiting;		      /* workers */
	struct block *left[ORDER_BLOCKS_MAX]; /* by seq % most; NULL: not left yet */
	uint64_t turn;			      /* seq of the next block to be sent */
	bool is_sending;		      /* a worker is */
	bool is_stopped;
};

void order_init(struct order *o, unsigned jobs); /* jobs: of workers, 1 to ORDER_JOBS_MAX */
void order_fini(struct order *o); /* also frees the blocks; after all workers ended */

/* An empty block.  Waits for one; NULL after order_stop(), or with ST_FAILED recorded. */
struct block *order_take(struct order *o);

/* Leaves b to be sent.  Whether the caller has to send now, with order_next(). */
bool order_leave(struct order *o, struct block *b);

/*
 * Only for the worker that sends.  The block whose turn it is; NULL if it was not left yet,
 * or after order_stop(), and then the worker sends no more.  sent is the block before it,
 * which becomes empty; NULL at first.  A worker that could not send must call order_stop().
 */
struct block *order_next(struct order *o, struct block *sent);

/* Ends all waiting and sending. */
void order_stop(struct order *o);

#endif
