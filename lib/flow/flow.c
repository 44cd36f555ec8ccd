/*
 * flow: each worker gets a block and its number (seq) from the source while it holds
 * `source`, and codes it.  One of them sends what is ready, in order (order.h).  The first
 * error stops all workers.
 */
#include "lib/flow/flow.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cancel.h"
#include "lib/base/io.h"
#include "lib/base/size.h"
#include "lib/flow/chooser.h"
#include "lib/flow/order.h"

#define THROTTLE_MS 100 /* after at most this long, a failure elsewhere is noticed */

struct flow {
	struct source *from;
	struct sink *to;
	const struct flow_options *opt;
	struct flow_stats stats;
	struct digest *digest, *coded; /* NULL: not wanted */
	unsigned jobs;
	bool parallel; /* each worker puts its blocks into the sink itself */

	pthread_mutex_t source;
	uint64_t next_seq, next_off;
	bool ended;

	struct order order;
	struct chooser chooser; /* used by the worker that sends */

	atomic_bool failed;
	struct err error; /* of the worker that set failed */

	int64_t began_ms, progress_ms;
};

/* Keeps the first error and wakes all workers, so that they stop. */
static void flow_fail(struct flow *f, bool in_source)
{
	if (!atomic_exchange(&f->failed, true)) {
		err_take(&f->error);
		f->stats.source_failed = in_source;
	}
	order_stop(&f->order);
	if (f->from->ops->stop)
		f->from->ops->stop(f->from);
}

/* Checks that b follows the block before it and does not exceed the announced length. */
static int flow_check_order(struct flow *f, struct block *b)
{
	uint64_t len = f->from->len;
	char announced[SIZE_HUMAN];

	if (b->off != f->next_off)
		return err_set(ST_CORRUPT,
			"blocks are out of order: one at offset %llu instead of %llu",
			(unsigned long long)b->off, (unsigned long long)f->next_off);
	if (len != FLOW_LEN_UNKNOWN && b->len > len - f->next_off)
		return err_set(
			ST_CORRUPT, "more data than the announced %s", size_human(len, announced));
	f->next_off += b->len;
	b->seq = f->next_seq++;
	return 1;
}

static int flow_next_block(struct flow *f, struct block *b)
{
	int r = 0;

	pthread_mutex_lock(&f->source);
	if (!f->ended && !atomic_load(&f->failed)) {
		r = f->from->ops->next(f->from, b);
		if (r == 1)
			r = flow_check_order(f, b);
		f->ended = r != 1;
	}
	pthread_mutex_unlock(&f->source);
	return r;
}

static bool flow_compresses(struct flow *f)
{
	if (f->opt->compress == FLOW_COMPRESS_AUTO)
		return chooser_compresses(&f->chooser);
	return f->opt->compress == FLOW_COMPRESS_ALWAYS;
}

static int flow_code_data(struct flow *f, struct block *b)
{
	enum sink_wants wants = f->to->ops->wants;

	if (f->opt->digest) {
		if (!b->has_raw && block_is_coded_zero(b)) {
			block_set_hole(b, b->off, b->len);
			return 0;
		}
		if (block_decode(b) < 0)
			return -1;
		if (block_find_zeros(b)) {
			block_set_hole(b, b->off, b->len);
			return 0;
		}
		block_hash(b);
	}
	if (wants == SINK_RAW)
		return block_decode(b);
	if (wants == SINK_ARCHIVE)
		block_encode(b, true);
	else if (wants == SINK_CODED)
		block_encode(b, b->coded_len || flow_compresses(f));
	if (f->coded)
		block_hash_coded(b);
	return 0;
}

/*
 * Waits until sending all bytes so far at the limited rate would have taken as
 * long as the flow has run; returns at once on a failure or cancel.
 */
static void flow_throttle(struct flow *f)
{
	struct pollfd p = { cancel_fd(), POLLIN, 0 };
	double due = (double)f->stats.coded_bytes * 1000 / (double)f->opt->bwlimit;
	double early;

	while (!atomic_load(&f->failed) && !cancel_is_set()) {
		early = due - (double)(io_now_ms() - f->began_ms);
		if (early < 1)
			break;
		poll(&p, 1, early > THROTTLE_MS ? THROTTLE_MS : (int)early);
	}
}

/* About how many bytes of data are left: all that is left, if there is more than was expected. */
static uint64_t flow_data_left(const struct flow *f)
{
	const struct wire_end *e = &f->stats.end;
	uint64_t left, expected = f->from->data_len;

	if (f->from->len == FLOW_LEN_UNKNOWN || f->from->len < e->len)
		return 0;
	left = f->from->len - e->len;
	if (!expected || e->data_bytes > expected + expected / 4)
		return left;
	expected = expected > e->data_bytes ? expected - e->data_bytes : 0;
	return left < expected ? left : expected;
}

static void flow_tell_progress(struct flow *f)
{
	const struct wire_end *e = &f->stats.end;
	int64_t now = io_now_ms();
	struct wire_progress p;

	if (!f->opt->progress || now - f->progress_ms < FLOW_PROGRESS_MS)
		return;
	f->progress_ms = now;
	p = (struct wire_progress){ .done = e->len, .data = e->data_bytes };
	p.total = f->from->len == FLOW_LEN_UNKNOWN ? 0 : f->from->len;
	p.left = flow_data_left(f);
	f->opt->progress(f->opt->arg, &p);
}

/* Bytes of a data block in the form that the sink gets. */
static uint32_t sent_len(const struct flow *f, const struct block *b)
{
	return f->to->ops->wants == SINK_RAW || !b->coded_len ? b->len : b->coded_len;
}

/* Called by the worker that sends: updates counts and digest. */
static int flow_count(struct flow *f, const struct block *b)
{
	struct wire_end *e = &f->stats.end;

	e->len += b->len;
	if (b->kind == BLOCK_HOLE) {
		e->hole_bytes += b->len;
		return 0;
	}
	e->data_bytes += b->len;
	e->data_blocks++;
	f->stats.zero_bytes += block_zero_bytes(b);
	f->stats.coded_bytes += sent_len(f, b);
	if (f->to->ops->wants != SINK_RAW && b->coded_len) {
		if (b->coded_len < b->len)
			f->stats.compressed_blocks++;
		else
			f->stats.stored_blocks++;
	}
	if (f->coded && digest_add(f->coded, b->off / BLOCK_SIZE, &b->coded_hash) < 0)
		return -1;
	return f->digest ? digest_add(f->digest, b->off / BLOCK_SIZE, &b->hash) : 0;
}

/* Sends b, whose turn it is. */
static int flow_pass(struct flow *f, struct block *b)
{
	if (cancel_check() < 0)
		return -1;
	if (flow_count(f, b) < 0 || (!f->parallel && f->to->ops->put(f->to, b) < 0))
		return -1;
	if (b->kind == BLOCK_DATA && f->opt->compress == FLOW_COMPRESS_AUTO)
		chooser_passed(&f->chooser, b->len, sent_len(f, b), io_now_ms());
	if (f->opt->bwlimit)
		flow_throttle(f);
	flow_tell_progress(f);
	return 0;
}

static int flow_load_and_code(struct flow *f, struct block *b)
{
	if (b->kind == BLOCK_DATA && f->from->ops->load && f->from->ops->load(f->from, b) < 0)
		return -1;
	return b->kind == BLOCK_DATA ? flow_code_data(f, b) : 0;
}

/* Leaves b, which was coded, to be sent; sends what is ready if nobody else does. */
static int flow_send(struct flow *f, struct block *b)
{
	if (f->parallel && f->to->ops->put(f->to, b) < 0)
		return -1;
	if (!order_leave(&f->order, b))
		return 0;
	for (b = NULL; (b = order_next(&f->order, b));)
		if (flow_pass(f, b) < 0)
			return -1;
	return 0;
}

static void *flow_worker(void *arg)
{
	struct flow *f = arg;
	bool in_source = false;
	struct block *b;
	int r = 1;

	while (r == 1) {
		in_source = true;
		b = order_take(&f->order);
		r = b ? flow_next_block(f, b) : -1;
		if (r == 1 && flow_load_and_code(f, b) < 0)
			r = -1;
		if (r == 1) {
			in_source = false;
			r = flow_send(f, b) < 0 ? -1 : 1;
		}
	}
	if (r < 0)
		flow_fail(f, in_source);
	return NULL;
}

/* There are more workers than processors, as some wait for a disk or the peer. */
static unsigned default_jobs(void)
{
	cpu_set_t set;
	unsigned n = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = (unsigned)CPU_COUNT(&set);
	n += 4;
	return n < FLOW_JOBS_MAX ? n : FLOW_JOBS_MAX;
}

static void flow_run_workers(struct flow *f)
{
	pthread_t thread[FLOW_JOBS_MAX];
	unsigned n = 0;

	while (n + 1 < f->jobs && pthread_create(&thread[n], NULL, flow_worker, f) == 0)
		n++;
	flow_worker(f);
	while (n > 0)
		pthread_join(thread[--n], NULL);
}

static int flow_finish(struct flow *f)
{
	char missing[SIZE_HUMAN], announced[SIZE_HUMAN];
	struct wire_end *e = &f->stats.end;

	if (atomic_load(&f->failed)) {
		err_put(&f->error);
		return -1;
	}
	f->stats.source_failed = true;
	if (f->from->len != FLOW_LEN_UNKNOWN && e->len != f->from->len)
		return err_set(ST_CORRUPT, "the data ended early: %s of %s missing",
			size_human(f->from->len - e->len, missing),
			size_human(f->from->len, announced));
	if (f->digest && digest_final(f->digest, e->len, &e->digest) < 0)
		return -1;
	if (f->digest)
		digest_content(f->digest, &f->stats.content);
	if (f->coded)
		digest_content(f->coded, &f->stats.coded);
	f->stats.has_coded = f->coded != NULL;
	if (f->from->ops->finish && f->from->ops->finish(f->from, e) < 0)
		return -1;
	f->stats.source_failed = false;
	if (cancel_check() < 0)
		return -1;
	return f->to->ops->finish ? f->to->ops->finish(f->to, e) : 0;
}

int flow_run(struct source *from, struct sink *to, const struct flow_options *opt,
	struct flow_stats *stats)
{
	struct flow f = { .from = from, .to = to, .opt = opt };
	int r;

	memset(stats, 0, sizeof(*stats));
	f.jobs = opt->jobs ? opt->jobs : default_jobs();
	if (f.jobs > FLOW_JOBS_MAX)
		f.jobs = FLOW_JOBS_MAX;
	/* A limit is kept for what is written, so then nothing is written before its turn. */
	f.parallel = to->ops->parallel && !opt->bwlimit;
	if (opt->digest && !(f.digest = digest_new(from->len)))
		return -1;
	/* Its length is not part of digest_content(), so nothing is kept for it. */
	if (opt->coded_digest && !(f.coded = digest_new(0))) {
		digest_free(f.digest);
		return -1;
	}
	pthread_mutex_init(&f.source, NULL);
	order_init(&f.order, f.jobs);
	f.began_ms = io_now_ms();
	chooser_init(&f.chooser, f.began_ms);
	flow_run_workers(&f);
	r = flow_finish(&f);
	*stats = f.stats;
	order_fini(&f.order);
	pthread_mutex_destroy(&f.source);
	digest_free(f.coded);
	digest_free(f.digest);
	return r;
}
