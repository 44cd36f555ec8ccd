/* flow: from a source to a sink that are both in memory: order, digest, failures. */
#include "lib/base/cancel.h"
#include "tests/unit/memflow.h"
#include "tests/unit/tap.h"

#define BLOCKS 23
#define LEN ((uint64_t)BLOCKS * BLOCK_SIZE - 4321)

static struct flow_stats stats;

static int run(struct memsource *from, struct memsink *to, unsigned jobs)
{
	struct flow_options opt = { .jobs = jobs, .digest = true };

	err_clear();
	memset(&stats, 0x55, sizeof(stats));
	return flow_run(&from->base, &to->base, &opt, &stats);
}

static void release(struct memsource *from, struct memsink *to)
{
	source_free(&from->base);
	sink_free(&to->base);
}

/* Moves an image with so many workers; returns what is wrong with the result. */
static const char *whole(uint64_t len, bool known, const struct sink_ops *ops, unsigned jobs)
{
	struct memsource *from = memsource(len, known);
	struct memsink *to = memsink(ops);
	const struct wire_end *e = &stats.end;
	const char *wrong = NULL;
	uint64_t i, data = 0, data_bytes = 0;
	struct hash want;

	memflow_digest(len, &want);
	for (i = 0; i < memflow_blocks(len); i++) {
		bool is_data = memflow_content(i) < MEMFLOW_ZEROS;

		data += is_data;
		data_bytes += is_data ? memflow_block_len(len, i) : 0;
	}
	if (run(from, to, jobs) != 0)
		wrong = err_text();
	else if (to->bad || to->next != memflow_blocks(len))
		wrong = "blocks";
	else if (to->data != data || e->data_blocks != data || e->data_bytes != data_bytes)
		wrong = "data";
	else if (e->len != len || e->hole_bytes != len - data_bytes)
		wrong = "length";
	else if (!hash_equal(&e->digest, &want))
		wrong = "digest";
	else if (!to->finished || memcmp(&to->end, e, sizeof(*e)) != 0)
		wrong = "finish";
	else if (from->stops)
		wrong = "stopped";
	else if (stats.source_failed)
		wrong = "source_failed";
	release(from, to);
	return wrong;
}

static void test_whole(void)
{
	unsigned jobs;
	const char *wrong = NULL;

	for (jobs = 1; jobs <= FLOW_JOBS_MAX && !wrong; jobs = jobs < 4 ? jobs + 1 : jobs * 4)
		wrong = whole(LEN, true, &memsink_raw, jobs);
	is_str(wrong, NULL, "an image arrives in order with 1 to 64 workers");
	is_str(whole(LEN, true, &memsink_raw, 1000), NULL, "more workers than FLOW_JOBS_MAX");
	is_str(whole(LEN, true, &memsink_raw, 0), NULL, "the default number of workers");
	is_str(whole(LEN, true, &memsink_parallel, 8), NULL, "to a parallel sink");
	is_str(whole(LEN, true, &memsink_coded, 8), NULL, "coded");
	is_str(whole(LEN, true, &memsink_archive, 8), NULL, "for an archive");
	is_str(whole(LEN, false, &memsink_raw, 4), NULL, "of unknown length");
	is_str(whole(3 * BLOCK_SIZE, true, &memsink_raw, 4), NULL, "zeros at its end");
	is_str(whole(4 * BLOCK_SIZE, true, &memsink_raw, 4), NULL, "a hole at its end");
	is_str(whole(4 * BLOCK_SIZE - 1, true, &memsink_raw, 4), NULL, "a short hole at its end");
	is_str(whole(1, true, &memsink_raw, 4), NULL, "a single byte");
	is_str(whole(0, true, &memsink_raw, 4), NULL, "an empty image");
	is_str(whole(0, false, &memsink_archive, 1), NULL, "an empty image of unknown length");
}

static void test_coding(void)
{
	struct memsource *from;
	struct flow_options opt = { .jobs = 3, .digest = true };
	struct memsink *to;
	uint64_t noise = 0, text = 0, i, raw;

	for (i = 0; i < BLOCKS; i++) {
		noise += memflow_content(i) == MEMFLOW_NOISE;
		text += memflow_content(i) == MEMFLOW_TEXT;
	}
	from = memsource(LEN, true);
	to = memsink(&memsink_coded);
	opt.compress = FLOW_COMPRESS_ALWAYS;
	is_int(flow_run(&from->base, &to->base, &opt, &stats), 0, "compressed always");
	is_int(stats.compressed_blocks, text, "compressible blocks are compressed");
	is_int(stats.stored_blocks, noise, "the rest is stored");
	ok(stats.coded_bytes < stats.end.data_bytes && stats.coded_bytes > noise * BLOCK_SIZE / 2,
		"and the coded bytes are counted");
	raw = stats.end.data_bytes;
	release(from, to);
	from = memsource(LEN, true);
	to = memsink(&memsink_coded);
	opt.compress = FLOW_COMPRESS_NEVER;
	is_int(flow_run(&from->base, &to->base, &opt, &stats), 0, "compressed never");
	is_int(stats.compressed_blocks, 0, "no block is compressed");
	is_int(stats.coded_bytes, raw, "and all raw bytes are sent");
	release(from, to);
	from = memsource(LEN, true);
	to = memsink(&memsink_archive);
	is_int(flow_run(&from->base, &to->base, &opt, &stats), 0,
		"compressed never, to an archive");
	is_int(stats.compressed_blocks, text, "which is compressed nevertheless");
	release(from, to);
	from = memsource(LEN, true);
	to = memsink(&memsink_raw);
	is_int(flow_run(&from->base, &to->base, &opt, &stats), 0, "to a raw sink");
	is_int(stats.compressed_blocks + stats.stored_blocks, 0, "no block is coded");
	is_int(stats.coded_bytes, raw, "the raw bytes are counted as sent");
	release(from, to);
}

/* Runs a flow that must fail with this status and text, on this side. */
static void fails(struct memsource *from, struct memsink *to, enum status status, const char *text,
	bool source, const char *name)
{
	is_int(run(from, to, 8), -1, name);
	is_int(err_status(), status, "the status of the failure");
	is_str(err_text(), text, "the first error, as it was recorded");
	is_int(stats.source_failed, source, "and the side that failed is right");
	is_int(to->after_failure && !to->base.ops->parallel, 0,
		"no block follows the one that failed");
	release(from, to);
}

static void test_failures(void)
{
	const struct sink_ops *raw = &memsink_raw;
	struct memsource *from = memsource(LEN, true);
	struct memsink *to = memsink(raw);

	from->fail_next = 11;
	fails(from, to, ST_BUSY, "next", true, "the source fails in next()");
	from = memsource(LEN, true);
	from->fail_load = 10;
	fails(from, memsink(raw), ST_CORRUPT, "load", true, "the source fails in load()");
	from = memsource(LEN, true);
	from->fail_finish = true;
	to = memsink(raw);
	is_int(run(from, to, 8), -1, "the source fails in finish()");
	ok(!to->finished && stats.source_failed, "and the sink does not finish");
	release(from, to);
	to = memsink(raw);
	to->fail_at = 12;
	fails(memsource(LEN, true), to, ST_NOROOM, "put", false, "the sink fails in put()");
	to = memsink(raw);
	to->fail_at = 0;
	fails(memsource(LEN, true), to, ST_NOROOM, "put", false, "at its first block");
	to = memsink(&memsink_parallel);
	to->fail_at = 12;
	fails(memsource(LEN, true), to, ST_NOROOM, "put", false, "a parallel sink fails in put()");
	to = memsink(raw);
	to->fail_finish = true;
	fails(memsource(LEN, true), to, ST_NOROOM, "finish", false, "the sink fails in finish()");
}

/* A worker that is waiting in next() is woken when the sink fails. */
static void test_stop(const struct sink_ops *ops, unsigned jobs, const char *name)
{
	struct memsource *from = memsource(LEN, true);
	struct memsink *to = memsink(ops);

	from->wait_at = 6;
	to->fail_at = 5;
	is_int(run(from, to, jobs), -1, name);
	is_str(err_text(), "put", "with the sink's error");
	ok(from->stops > 0 && !stats.source_failed, "the source was stopped");
	release(from, to);
}

static int misplaced(uint64_t at, uint64_t shift, uint64_t longer, bool known)
{
	struct memsource *from = memsource(LEN, known);
	struct memsink *to = memsink(&memsink_raw);
	int r;

	from->shift_at = at;
	from->shift = shift;
	from->longer = longer;
	r = run(from, to, 4);
	if (r < 0 && (!stats.source_failed || to->finished || to->next > at))
		r = -2;
	release(from, to);
	return r == -1 ? (int)err_status() : r;
}

static void test_places(void)
{
	struct memsource *from;
	struct memsink *to;

	is_int(misplaced(7, BLOCK_SIZE, 0, true), ST_CORRUPT, "a gap");
	is_int(misplaced(7, 0 - (uint64_t)BLOCK_SIZE, 0, true), ST_CORRUPT, "an overlap");
	is_int(misplaced(0, BLOCK_SIZE, 0, false), ST_CORRUPT, "no first block");
	is_int(misplaced(3, 0, LEN, true), ST_CORRUPT, "a hole that is longer than the image");
	is_int(misplaced(3, 0, UINT64_MAX - BLOCK_SIZE, true), ST_CORRUPT,
		"or longer than any image");
	is_int(misplaced(BLOCKS - 1, 0, 1, true), ST_CORRUPT, "one byte too many");
	from = memsource(LEN, true);
	to = memsink(&memsink_raw);
	from->base.len = LEN + 1;
	is_int(run(from, to, 4), -1, "one byte too few");
	is_int(err_status(), ST_CORRUPT, "is an error");
	ok(!to->finished && stats.source_failed, "before the sink's finish()");
	release(from, to);
}

static void test_limit(void)
{
	struct flow_options opt = { .jobs = 4, .digest = true, .bwlimit = 10u << 20 };
	struct memsource *from = memsource(LEN, true);
	struct memsink *to = memsink(&memsink_raw);
	int64_t began = io_now_ms();

	is_int(flow_run(&from->base, &to->base, &opt, &stats), 0, "a flow with a rate limit");
	ok((uint64_t)(io_now_ms() - began) + 5 >= stats.end.data_bytes * 1000 / opt.bwlimit,
		"takes as long as the limit requires");
	release(from, to);
	/* One worker fails while another one would wait for the rate limit for 70 hours. */
	from = memsource(LEN, true);
	to = memsink(&memsink_parallel);
	from->fail_next = 5;
	opt.bwlimit = 1;
	is_int(flow_run(&from->base, &to->base, &opt, &stats), -1,
		"a failure during the wait for the limit");
	is_str(err_text(), "next", "ends the flow at once");
	ok(to->next <= 1, "and nothing was written before its turn");
	release(from, to);
}

static uint64_t told_done, told_total, told_data, told_left;
static int tells;

static void progress(void *arg, const struct wire_progress *p)
{
	told_done = p->done;
	told_total = p->total;
	told_data = p->data;
	told_left = p->left;
	++*(int *)arg;
}

static void test_progress(void)
{
	struct flow_options opt = { .jobs = 4, .progress = progress, .arg = &tells };
	struct memsource *from = memsource(LEN, true);
	struct memsink *to = memsink(&memsink_raw);
	int64_t began = io_now_ms();

	opt.bwlimit = 10u << 20;
	is_int(flow_run(&from->base, &to->base, &opt, &stats), 0, "a flow that reports progress");
	ok(tells >= 1 && tells <= (io_now_ms() - began) / FLOW_PROGRESS_MS + 1,
		"reports it from time to time");
	ok(told_done > 0 && told_done <= LEN && told_total == LEN, "with the right numbers");
	ok(told_data <= told_done && told_left == LEN - told_done, "all that is left may be data");
	release(from, to);
	from = memsource(LEN, false);
	to = memsink(&memsink_raw);
	is_int(flow_run(&from->base, &to->base, &opt, &stats), 0, "a flow of unknown length");
	is_int(told_total, 0, "reports an unknown total");
	release(from, to);
}

static void cancel_at_five(struct memsink *s, const struct block *b)
{
	(void)s;
	if (b->off == 5 * BLOCK_SIZE)
		cancel_set();
}

static int cancelled(void)
{
	struct memsource *from = memsource(LEN, true);
	struct memsink *to = memsink(&memsink_raw);

	if (cancel_init() < 0)
		return 1;
	to->on_put = cancel_at_five;
	if (run(from, to, 4) != -1 || err_status() != ST_FAILED ||
		strcmp(err_text(), "interrupted"))
		return 2;
	if (to->finished || to->next != 6)
		return 3;
	release(from, to);
	return 0;
}

static void post(struct memsink *s, const struct block *b)
{
	(void)b;
	sem_post(s->arg);
}

static void *cancel_after(void *arg)
{
	while (sem_wait(arg) < 0)
		;
	cancel_set();
	return NULL;
}

/* The same if it waits for a rate limit of one byte per second. */
static int cancelled_in_limit(void)
{
	struct flow_options opt = { .jobs = 2, .bwlimit = 1 };
	struct memsource *from = memsource(LEN, true);
	struct memsink *to = memsink(&memsink_raw);
	sem_t put;
	pthread_t t;

	if (cancel_init() < 0 || sem_init(&put, 0, 0) < 0)
		return 1;
	to->on_put = post;
	to->arg = &put;
	t = conns_start(cancel_after, &put);
	if (flow_run(&from->base, &to->base, &opt, &stats) != -1 ||
		strcmp(err_text(), "interrupted"))
		return 2;
	conns_join(t);
	if (to->next != 1)
		return 3;
	release(from, to);
	return 0;
}

int main(void)
{
	is_int(conns_child(cancelled), 0, "a cancel ends a flow within a block");
	is_int(conns_child(cancelled_in_limit), 0, "also one that waits for a rate limit");
	test_whole();
	test_coding();
	test_failures();
	test_stop(&memsink_raw, 8, "the sink fails while the source waits");
	test_stop(&memsink_parallel, 8, "a parallel sink fails while the source waits");
	test_stop(&memsink_raw, 2, "with two workers");
	test_places();
	test_limit();
	test_progress();
	return tap_done();
}
