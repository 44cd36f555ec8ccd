/*
 * flow: workers with a ticket and a turn.
 *
 * A worker draws its ticket (seq) under `source`, with the block itself, and
 * waits under `turn` until all earlier tickets have passed; since at most
 * `jobs` tickets are out, each waits on a condition of its own, seq % jobs, and
 * only the next in line is woken.  The first error stops everybody.
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
#include "lib/flow/chooser.h"

#define THROTTLE_MS 100 /* how long a failure elsewhere may go unseen */

struct flow {
	struct source *from;
	struct sink *to;
	const struct flow_options *opt;
	struct flow_stats stats;
	struct digest *digest;
	unsigned jobs;

	pthread_mutex_t source;
	uint64_t next_seq, next_off;
	bool ended;

	pthread_mutex_t turn;
	pthread_cond_t slot[FLOW_JOBS_MAX];
	uint64_t turn_seq;
	struct chooser chooser; /* in turn */

	atomic_bool failed;
	struct err error; /* guarded by turn */

	int64_t began_ms, told_ms;
};

void *source_new(size_t size, const struct source_ops *ops, uint64_t len)
{
	struct source *s = calloc(1, size);

	if (s) {
		s->ops = ops;
		s->len = len;
	} else {
		err_set(ST_FAILED, "out of memory");
	}
	return s;
}

void *sink_new(size_t size, const struct sink_ops *ops)
{
	struct sink *s = calloc(1, size);

	if (s)
		s->ops = ops;
	else
		err_set(ST_FAILED, "out of memory");
	return s;
}

void source_free(struct source *s)
{
	if (s && s->ops->free)
		s->ops->free(s);
	free(s);
}

void sink_free(struct sink *s)
{
	if (s && s->ops->free)
		s->ops->free(s);
	free(s);
}

/* Keeps the first error and lets everybody go. */
static void fail(struct flow *f, bool in_source)
{
	unsigned i;

	pthread_mutex_lock(&f->turn);
	if (!atomic_exchange(&f->failed, true)) {
		err_take(&f->error);
		f->stats.source_failed = in_source;
	}
	for (i = 0; i < f->jobs; i++)
		pthread_cond_broadcast(&f->slot[i]);
	pthread_mutex_unlock(&f->turn);
	if (f->from->ops->stop)
		f->from->ops->stop(f->from);
}

/* Before anybody acts on it: that a block adjoins the one before, and fits. */
static int check_place(struct flow *f, struct block *b)
{
	uint64_t len = f->from->len;

	if (b->off != f->next_off)
		return err_set(ST_CORRUPT, "a block is out of its place: %llu where %llu is due",
			(unsigned long long)b->off, (unsigned long long)f->next_off);
	if (len != FLOW_LEN_UNKNOWN && b->len > len - f->next_off)
		return err_set(ST_CORRUPT, "more data than the %llu bytes announced",
			(unsigned long long)len);
	f->next_off += b->len;
	b->seq = f->next_seq++;
	return 1;
}

static int draw(struct flow *f, struct block *b)
{
	int r = 0;

	pthread_mutex_lock(&f->source);
	if (!f->ended && !atomic_load(&f->failed)) {
		r = f->from->ops->next(f->from, b);
		if (r == 1)
			r = check_place(f, b);
		f->ended = r != 1;
	}
	pthread_mutex_unlock(&f->source);
	return r;
}

static bool worth_it(struct flow *f)
{
	if (f->opt->compress == FLOW_COMPRESS_AUTO)
		return chooser_compresses(&f->chooser);
	return f->opt->compress == FLOW_COMPRESS_ALWAYS;
}

static int code(struct flow *f, struct block *b)
{
	enum sink_wants wants = f->to->ops->wants;

	if (b->kind == BLOCK_HOLE)
		return 0;
	if (f->opt->digest) {
		if (!b->has_raw && block_is_coded_zero(b)) {
			block_set_hole(b, b->off, b->len);
			return 0;
		}
		if (block_decode(b) < 0)
			return -1;
		if (block_all_zero(b->raw, b->len)) {
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
		block_encode(b, b->coded_len || worth_it(f));
	return 0;
}

/*
 * Keeps to the limit: waits until what has left would have taken this long, or
 * until there is no more reason to.
 */
static void throttle(struct flow *f)
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

static void tell(struct flow *f, uint64_t done)
{
	int64_t now = io_now_ms();

	if (!f->opt->progress || now - f->told_ms < FLOW_PROGRESS_MS)
		return;
	f->told_ms = now;
	f->opt->progress(f->opt->arg, done, f->from->len == FLOW_LEN_UNKNOWN ? 0 : f->from->len);
}

/* What a block is when it has left. */
static uint32_t left_len(const struct flow *f, const struct block *b)
{
	return f->to->ops->wants == SINK_RAW || !b->coded_len ? b->len : b->coded_len;
}

/* In turn: counts and digest. */
static int account(struct flow *f, const struct block *b)
{
	struct wire_end *e = &f->stats.end;

	e->len += b->len;
	if (b->kind == BLOCK_HOLE) {
		e->hole_bytes += b->len;
		return 0;
	}
	e->data_bytes += b->len;
	e->data_blocks++;
	f->stats.coded_bytes += left_len(f, b);
	if (f->to->ops->wants != SINK_RAW && b->coded_len) {
		if (b->coded_len < b->len)
			f->stats.compressed_blocks++;
		else
			f->stats.stored_blocks++;
	}
	return f->digest ? digest_add(f->digest, b->off / BLOCK_SIZE, &b->hash) : 0;
}

static int take_turn(struct flow *f, struct block *b)
{
	int r = 0;

	pthread_mutex_lock(&f->turn);
	while (f->turn_seq != b->seq && !atomic_load(&f->failed))
		pthread_cond_wait(&f->slot[b->seq % f->jobs], &f->turn);
	if (atomic_load(&f->failed)) {
		pthread_mutex_unlock(&f->turn);
		return -1; /* somebody else's error is kept */
	}
	/* The turn is ours by its number; the lock is only for handing it on. */
	pthread_mutex_unlock(&f->turn);
	if (cancel_is_set())
		r = err_set(ST_FAILED, "interrupted");
	if (r == 0)
		r = account(f, b);
	if (r == 0 && !f->to->ops->parallel)
		r = f->to->ops->put(f->to, b);
	if (r == 0 && b->kind == BLOCK_DATA && f->opt->compress == FLOW_COMPRESS_AUTO)
		chooser_passed(&f->chooser, b->len, left_len(f, b), io_now_ms());
	if (r == 0 && f->opt->bwlimit)
		throttle(f);
	if (r == 0)
		tell(f, f->stats.end.len);
	if (r < 0)
		return -1; /* the turn is kept: nothing may follow what was not put */
	pthread_mutex_lock(&f->turn);
	f->turn_seq++;
	pthread_cond_signal(&f->slot[f->turn_seq % f->jobs]);
	pthread_mutex_unlock(&f->turn);
	return 0;
}

/* What the source has to do with a block; then what the sink has. */
static int fetch(struct flow *f, struct block *b)
{
	if (b->kind == BLOCK_DATA && f->from->ops->load && f->from->ops->load(f->from, b) < 0)
		return -1;
	return code(f, b);
}

static int deliver(struct flow *f, struct block *b)
{
	if (f->to->ops->parallel && f->to->ops->put(f->to, b) < 0)
		return -1;
	return take_turn(f, b);
}

static void *worker(void *arg)
{
	struct flow *f = arg;
	struct block *b = block_new();
	bool in_source = false;
	int r = b ? 1 : -1;

	while (r == 1) {
		in_source = true;
		r = draw(f, b);
		if (r == 1 && fetch(f, b) < 0)
			r = -1;
		if (r == 1) {
			in_source = false;
			r = deliver(f, b) < 0 ? -1 : 1;
		}
	}
	if (r < 0)
		fail(f, in_source);
	block_free(b);
	return NULL;
}

/* Workers beyond the processors are those that wait for a disk or the peer. */
static unsigned good_jobs(void)
{
	cpu_set_t set;
	unsigned n = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = (unsigned)CPU_COUNT(&set);
	n += 4;
	return n < FLOW_JOBS_MAX ? n : FLOW_JOBS_MAX;
}

static void run_workers(struct flow *f)
{
	pthread_t thread[FLOW_JOBS_MAX];
	unsigned n = 0;

	while (n + 1 < f->jobs && pthread_create(&thread[n], NULL, worker, f) == 0)
		n++;
	worker(f);
	while (n > 0)
		pthread_join(thread[--n], NULL);
}

static int finish(struct flow *f)
{
	struct wire_end *e = &f->stats.end;

	if (atomic_load(&f->failed)) {
		err_put(&f->error);
		return -1;
	}
	f->stats.source_failed = true;
	if (f->from->len != FLOW_LEN_UNKNOWN && e->len != f->from->len)
		return err_set(ST_CORRUPT, "only %llu of %llu bytes came",
			(unsigned long long)e->len, (unsigned long long)f->from->len);
	if (f->digest && digest_final(f->digest, e->len, &e->digest) < 0)
		return -1;
	if (f->digest)
		digest_content(f->digest, &f->stats.content);
	if (f->from->ops->finish && f->from->ops->finish(f->from, e) < 0)
		return -1;
	f->stats.source_failed = false;
	if (cancel_is_set())
		return err_set(ST_FAILED, "interrupted");
	return f->to->ops->finish ? f->to->ops->finish(f->to, e) : 0;
}

int flow_run(struct source *from, struct sink *to, const struct flow_options *opt,
	struct flow_stats *stats)
{
	struct flow f = { .from = from, .to = to, .opt = opt };
	unsigned i;
	int r;

	memset(stats, 0, sizeof(*stats));
	f.jobs = opt->jobs ? opt->jobs : good_jobs();
	if (f.jobs > FLOW_JOBS_MAX)
		f.jobs = FLOW_JOBS_MAX;
	if (opt->digest && !(f.digest = digest_new(from->len)))
		return -1;
	pthread_mutex_init(&f.source, NULL);
	pthread_mutex_init(&f.turn, NULL);
	for (i = 0; i < f.jobs; i++)
		pthread_cond_init(&f.slot[i], NULL);
	f.began_ms = io_now_ms();
	chooser_init(&f.chooser, f.began_ms);
	run_workers(&f);
	r = finish(&f);
	*stats = f.stats;
	for (i = 0; i < f.jobs; i++)
		pthread_cond_destroy(&f.slot[i]);
	pthread_mutex_destroy(&f.turn);
	pthread_mutex_destroy(&f.source);
	digest_free(f.digest);
	return r;
}
