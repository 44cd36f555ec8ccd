/* queue: order, limits, end, stop, many threads. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/queue.h"
#include "tests/unit/tap.h"

#define EACH 5000
#define WRITERS 3
#define READERS 3

static struct queue q;
static int item[8];

static void test_single(void)
{
	void *got = NULL;
	int64_t t;

	is_int(queue_init(&q, 2), 0, "a queue of two");
	is_int(queue_put(&q, &item[0], -1), 1, "put one");
	is_int(queue_put(&q, &item[1], 0), 1, "put two");
	is_int(queue_put(&q, &item[2], 0), 0, "the third does not fit");
	t = io_now_ms();
	is_int(queue_put(&q, &item[2], 20), 0, "nor after a while");
	ok(io_now_ms() - t >= 19, "which was waited for");
	is_int(queue_get(&q, &got), 1, "get one");
	ok(got == &item[0], "the first");
	is_int(queue_put(&q, &item[2], 1000), 1, "now the third fits");
	queue_end(&q);
	is_int(queue_put(&q, &item[3], -1), -1, "no item is accepted after the end");
	is_int(queue_get(&q, &got), 1, "what is in it comes out");
	ok(got == &item[1], "in order");
	is_int(queue_get(&q, &got), 1, "all of it");
	ok(got == &item[2], "to the last");
	is_int(queue_get(&q, &got), 0, "then the end");
	ok(queue_try_get(&q) == NULL, "and then none");
	queue_fini(&q);
	queue_fini(&q);
}

static void test_stop(void)
{
	void *got = NULL;

	if (!is_int(queue_init(&q, 4), 0, "another queue"))
		return;
	queue_put(&q, &item[0], -1);
	queue_put(&q, &item[1], -1);
	queue_stop(&q);
	is_int(queue_get(&q, &got), -1, "a stop goes before what is in it");
	is_int(queue_put(&q, &item[2], -1), -1, "and accepts no item");
	queue_end(&q);
	is_int(queue_get(&q, &got), -1, "also after an end");
	ok(queue_try_get(&q) == &item[0], "but drops no item");
	ok(queue_try_get(&q) == &item[1], "at all");
	ok(queue_try_get(&q) == NULL, "until it is empty");
	queue_fini(&q);
}

static void *put_one(void *arg)
{
	return (void *)(intptr_t)queue_put(arg, &item[1], -1);
}

static void *get_one(void *arg)
{
	void *got;

	return (void *)(intptr_t)queue_get(arg, &got);
}

/* What body returns after wake(), which is called while it is blocked, or before. */
static int woken(void *(*body)(void *), void (*wake)(struct queue *), int fill)
{
	void *rc = NULL;
	pthread_t t;

	if (queue_init(&q, 1) < 0)
		return 99;
	if (fill)
		queue_put(&q, &item[0], -1);
	pthread_create(&t, NULL, body, &q);
	wake(&q);
	pthread_join(t, &rc);
	queue_fini(&q);
	return (int)(intptr_t)rc;
}

static void test_wake(void)
{
	is_int(woken(put_one, queue_stop, 1), -1, "a stop wakes a writer");
	is_int(woken(get_one, queue_stop, 0), -1, "and a reader");
	is_int(woken(put_one, queue_end, 1), -1, "an end wakes a writer");
	is_int(woken(get_one, queue_end, 0), 0, "and a reader");
}

static void *writer(void *arg)
{
	uintptr_t base = (uintptr_t)arg * EACH;
	uintptr_t i;

	for (i = 1; i <= EACH; i++)
		if (queue_put(&q, (void *)(base + i), i % 2 ? -1 : 60000) != 1)
			return NULL;
	return &item[0];
}

static void *reader(void *arg)
{
	uint64_t *sum = arg;
	void *got;

	while (queue_get(&q, &got) == 1)
		*sum += (uintptr_t)got;
	return NULL;
}

static void test_threads(void)
{
	uint64_t sum[READERS] = { 0 }, total = 0;
	const uint64_t n = (uint64_t)WRITERS * EACH;
	pthread_t w[WRITERS], r[READERS];
	int i, finished = 0;

	if (!is_int(queue_init(&q, 5), 0, "a shared queue"))
		return;
	for (i = 0; i < READERS; i++)
		pthread_create(&r[i], NULL, reader, &sum[i]);
	for (i = 0; i < WRITERS; i++)
		pthread_create(&w[i], NULL, writer, (void *)(uintptr_t)i);
	for (i = 0; i < WRITERS; i++) {
		void *rc;

		pthread_join(w[i], &rc);
		finished += rc != NULL;
	}
	is_int(finished, WRITERS, "every writer put everything");
	queue_end(&q);
	for (i = 0; i < READERS; i++) {
		pthread_join(r[i], NULL);
		total += sum[i];
	}
	is_int(total, n * (n + 1) / 2, "every item arrived exactly once");
	queue_fini(&q);
}

int main(void)
{
	struct queue none;

	memset(&none, 0, sizeof(none));
	queue_fini(&none);
	test_single();
	test_stop();
	test_wake();
	test_threads();
	err_clear();
	is_int(queue_init(&q, SIZE_MAX / 4), -1, "more than memory can hold");
	is_int(err_status(), ST_FAILED, "recorded");
	queue_fini(&q);
	is_int(queue_init(&q, 0), -1, "none at all");
	queue_fini(&q);
	return tap_done();
}
