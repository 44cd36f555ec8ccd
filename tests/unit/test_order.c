/* order: blocks are sent in order whoever leaves them when, and their number is limited. */
#include "lib/flow/order.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

#define WORKERS 4

static struct block *numbered(struct order *o, uint64_t seq)
{
	struct block *b = order_take(o);

	if (!b)
		abort();
	block_set_hole(b, seq * BLOCK_SIZE, BLOCK_SIZE);
	b->seq = seq;
	return b;
}

static void test_turns(void)
{
	struct order o;
	struct block *b[6];
	uint64_t i;

	order_init(&o, WORKERS);
	for (i = 0; i < 6; i++)
		b[i] = numbered(&o, i);
	ok(!order_leave(&o, b[2]) && !order_leave(&o, b[1]), "it is not their turn");
	ok(order_leave(&o, b[0]), "it is the first one's turn");
	ok(order_next(&o, NULL) == b[0], "the first is sent");
	ok(!order_leave(&o, b[3]), "another worker is sending");
	ok(order_next(&o, b[0]) == b[1] && order_next(&o, b[1]) == b[2] &&
			order_next(&o, b[2]) == b[3],
		"and then all that were left");
	ok(!order_leave(&o, b[5]), "one that is too early");
	ok(!order_next(&o, b[3]), "ends the sending");
	ok(order_leave(&o, b[4]) && order_next(&o, NULL) == b[4] && order_next(&o, b[4]) == b[5],
		"until the missing one comes");
	ok(!order_next(&o, b[5]), "no more");
	order_fini(&o);
}

static void *take_one(void *arg)
{
	return order_take(arg);
}

static void start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	if (pthread_create(thread, NULL, run, arg) != 0)
		abort();
}

static void test_limit(void)
{
	struct block *b[ORDER_BLOCKS_MAX], *sent;
	unsigned i, most;
	pthread_t thread;
	struct order o;
	void *got;

	order_init(&o, WORKERS);
	most = WORKERS + ORDER_SPARE;
	for (i = 0; i < most; i++)
		b[i] = numbered(&o, i);
	start(&thread, take_one, &o);
	for (i = most; i-- > 0;)
		order_leave(&o, b[i]);
	for (sent = NULL, i = 0; (sent = order_next(&o, sent)); i++)
		;
	pthread_join(thread, &got);
	is_int(i, most, "all are sent");
	for (i = 0; i < most && b[i] != got; i++)
		;
	ok(i < most && o.made == most, "a worker that finds none waits for one of these");

	for (i = 0; i < most - 1; i++)
		numbered(&o, most + i);
	start(&thread, take_one, &o);
	order_stop(&o);
	pthread_join(thread, &got);
	ok(!got, "a stop ends the wait");
	ok(!order_take(&o) && !order_next(&o, NULL), "and everything else");
	order_fini(&o);
}

struct crowd {
	struct order order;
	pthread_mutex_t lock;
	uint64_t blocks, numbers, sent;
	bool is_wrong;
};

static void *work(void *arg)
{
	struct crowd *c = arg;
	struct block *b;
	uint64_t seq;

	while ((b = order_take(&c->order))) {
		pthread_mutex_lock(&c->lock);
		seq = c->numbers < c->blocks ? c->numbers++ : c->blocks;
		pthread_mutex_unlock(&c->lock);
		if (seq == c->blocks)
			break;
		block_set_hole(b, seq * BLOCK_SIZE, BLOCK_SIZE);
		b->seq = seq;
		if (!order_leave(&c->order, b))
			continue;
		/* No other lock: only one worker sends. */
		for (b = NULL; (b = order_next(&c->order, b)); c->sent++)
			c->is_wrong = c->is_wrong || b->seq != c->sent;
	}
	return NULL;
}

/* Whether so many workers send so many blocks in order, and all end. */
static bool crowd(unsigned workers, uint64_t blocks)
{
	struct crowd c = { .lock = PTHREAD_MUTEX_INITIALIZER, .blocks = blocks };
	pthread_t thread[ORDER_JOBS_MAX];
	unsigned i;

	order_init(&c.order, workers);
	for (i = 0; i < workers; i++)
		start(&thread[i], work, &c);
	for (i = 0; i < workers; i++)
		pthread_join(thread[i], NULL);
	order_fini(&c.order);
	return c.sent == blocks && !c.is_wrong;
}

static void test_crowds(void)
{
	unsigned workers;
	uint64_t blocks;
	bool good = true;

	ok(crowd(WORKERS, 20000), "several workers: every block is sent in its turn");
	for (workers = 1; workers <= ORDER_JOBS_MAX; workers *= 2)
		for (blocks = 0; blocks < 200; blocks += 7)
			good = crowd(workers, blocks) && good;
	ok(good, "any number of workers and blocks: none waits for ever at the end");
}

int main(void)
{
	test_turns();
	test_limit();
	test_crowds();
	return tap_done();
}
