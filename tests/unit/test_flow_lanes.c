/*
 * Flows over several connections: each number of them, one that is cut, and two that are swapped.
 */
#include <signal.h>

#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "tests/unit/memflow.h"
#include "tests/unit/tap.h"

struct ends {
	struct lanes near, far;
	struct source *from;
	struct sink *to;
	struct flow_stats stats;
	int result;
	struct err error;
};

static void open_lanes(struct ends *e, unsigned count)
{
	struct conn *c[2];
	unsigned i;

	memset(e, 0, sizeof(*e));
	e->near.count = e->far.count = count;
	for (i = 0; i < count; i++) {
		conns_pair(c, NULL, NULL, 0);
		e->near.conn[i] = c[0];
		e->far.conn[i] = c[1];
	}
}

static void close_lanes(struct lanes *l)
{
	unsigned i;

	for (i = 0; i < l->count; i++)
		conn_close(l->conn[i]);
	l->count = 0;
}

/* The near end, which closes its lanes when it is done, like a process that ends. */
static void *send_all(void *arg)
{
	const struct flow_options opt = { .jobs = 4, .digest = true };
	struct ends *e = arg;
	struct sink *sink = sink_wire(&e->near, false);

	e->result = flow_run(e->from, sink, &opt, &e->stats);
	err_take(&e->error);
	close_lanes(&e->near);
	sink_free(sink);
	return NULL;
}

/* Receives what the near end sends.  The result of the flow. */
static int receive_all(struct ends *e, uint64_t len, struct flow_stats *stats)
{
	const struct flow_options opt = { .jobs = 4, .digest = true };
	struct source *source = source_wire(&e->far, len);
	pthread_t t = conns_start(send_all, e);
	int r = flow_run(source, e->to, &opt, stats);

	close_lanes(&e->far); /* a sender that still waits is woken */
	conns_join(t);
	source_free(source);
	return r;
}

static void test_count(unsigned count)
{
	const uint64_t len = 37ull * BLOCK_SIZE + 5;
	struct memsource *from = memsource(len, true);
	struct memsink *to = memsink(&memsink_raw);
	struct flow_stats got;
	struct hash want;
	struct ends e;

	printf("# %u lanes\n", count);
	open_lanes(&e, count);
	e.from = &from->base;
	e.to = &to->base;
	is_int(receive_all(&e, len, &got), 0, "all is received");
	is_int(e.result, 0, "and was sent");
	ok(to->bad == 0 && to->next == 38 && to->finished, "each block, in order");
	memflow_digest(len, &want);
	ok(hash_equal(&got.end.digest, &want), "the digest is right");
	source_free(e.from);
	sink_free(e.to);
}

/* One lane ends while the others go on. */
static void test_cut(void)
{
	const uint64_t len = 400ull * BLOCK_SIZE;
	struct memsource *from = memsource(len, true);
	struct memsink *to = memsink(&memsink_raw);
	struct flow_stats got;
	struct ends e;
	struct lanes all;

	open_lanes(&e, 3);
	all = e.near;
	conn_finish(all.conn[1]);
	e.from = &from->base;
	e.to = &to->base;
	is_int(receive_all(&e, len, &got), -1, "a lane that has ended");
	is_int(err_status(), ST_PEER, "is the peer's fault");
	is_str(err_text(), "the stream ended early", "and told");
	ok(to->next <= 1 && !to->finished, "after what came before");
	is_int(e.result, -1, "the sender fails, too");
	source_free(e.from);
	sink_free(e.to);
}

static void test_swapped(void)
{
	const uint64_t len = 37ull * BLOCK_SIZE;
	struct memsource *from = memsource(len, true);
	struct memsink *to = memsink(&memsink_raw);
	struct flow_stats got;
	struct conn *first;
	struct ends e;

	open_lanes(&e, 2);
	first = e.far.conn[0];
	e.far.conn[0] = e.far.conn[1];
	e.far.conn[1] = first;
	e.from = &from->base;
	e.to = &to->base;
	is_int(receive_all(&e, len, &got), -1, "blocks in another order");
	is_int(err_status(), ST_CORRUPT, "are refused");
	ok(to->next == 0, "and none is taken");
	source_free(e.from);
	sink_free(e.to);
}

int main(void)
{
	unsigned count;

	signal(SIGPIPE, SIG_IGN);
	for (count = 1; count <= WIRE_LANES_MAX; count++)
		test_count(count);
	test_cut();
	test_swapped();
	return tap_done();
}
