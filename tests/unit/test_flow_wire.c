/*
 * Flows over a connection: from an image to an image and an archive, through a relay;
 * streams with a wrong END; errors of one end as seen at the other.
 */
#include <fcntl.h>
#include <signal.h>

#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "tests/unit/memflow.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define BLOCKS 18
#define LEN ((uint64_t)BLOCKS * BLOCK_SIZE - 1000)

/* One flow in a thread of its own, which stands for another process. */
struct leg {
	struct source *from;
	struct sink *to;
	struct flow_options opt;
	struct flow_stats stats;
	struct conn *tell; /* the peer to which an error is sent, as a helper does */
	int result;
	struct err error;
};

static void *run_leg(void *arg)
{
	struct leg *l = arg;

	l->result = flow_run(l->from, l->to, &l->opt, &l->stats);
	err_take(&l->error);
	if (l->result < 0 && l->tell)
		conn_send_error(l->tell, &l->error);
	return NULL;
}

static void end_leg(struct leg *l)
{
	source_free(l->from);
	sink_free(l->to);
}

static void make_image(const char *name)
{
	uint8_t *raw = malloc(BLOCK_SIZE);
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	uint64_t i;

	if (fd < 0 || !raw || ftruncate(fd, LEN) < 0)
		abort();
	for (i = 0; i < BLOCKS; i++) {
		memflow_fill(raw, memflow_block_len(LEN, i), i);
		if (memflow_content(i) != MEMFLOW_HOLE &&
			io_pwrite(fd, raw, memflow_block_len(LEN, i), i * BLOCK_SIZE) < 0)
			abort();
	}
	close(fd);
	free(raw);
}

static struct target *make_target(const char *name, uint64_t len)
{
	struct target_want want = { .len = len, .sparse = true };
	struct target *t = places_make(name, &want);

	if (!t)
		abort();
	return t;
}

/*
 * Copies an image to another, or to an archive, whose receiver decodes nothing: through a relay.
 */
static void test_transfer(bool archive, unsigned jobs)
{
	static const struct archive_origin origin = { .name = "image", .mode = 0600 };
	struct conn *near[2], *far[2];
	struct leg leg[3];
	struct image *img;
	struct target *t;
	struct hash want;
	pthread_t thread[2];

	memset(leg, 0, sizeof(leg));
	conns_pair(near, NULL, NULL, 0);
	conns_pair(far, NULL, NULL, 0);
	img = places_image(&places_free, "image");
	if (!img)
		abort();
	t = make_target(archive ? "copy.lzo" : "copy", archive ? TARGET_LEN_UNKNOWN : LEN);
	leg[0].from = source_image(img);
	leg[0].to = sink_wire(LANES_ONE(near[1]), false);
	leg[1].from = source_wire(LANES_ONE(near[0]), LEN);
	leg[1].to = sink_wire(LANES_ONE(far[0]), true);
	leg[2].from = source_wire(LANES_ONE(far[1]), LEN);
	leg[2].to = archive ? sink_archive(t, -1, &origin) : sink_image(t);
	leg[0].opt = leg[2].opt = (struct flow_options){ .jobs = jobs, .digest = true };
	leg[0].opt.compress = archive ? FLOW_COMPRESS_ALWAYS : FLOW_COMPRESS_AUTO;
	leg[0].opt.coded_digest = leg[2].opt.coded_digest = archive;
	leg[2].opt.digest = !archive;
	leg[1].opt.jobs = 1;
	thread[0] = conns_start(run_leg, &leg[0]);
	thread[1] = conns_start(run_leg, &leg[2]);
	run_leg(&leg[1]);
	conns_join(thread[0]);
	conns_join(thread[1]);
	printf("# %s, %u workers\n", archive ? "to an archive" : "to an image", jobs);
	is_int(leg[0].result, 0, "the image is sent");
	is_int(leg[1].result, 0, "relayed");
	is_int(leg[2].result, 0, "and received");
	memflow_digest(LEN, &want);
	ok(hash_equal(&leg[0].stats.end.digest, &want), "the digest of the source is right");
	ok(hash_equal(&leg[1].stats.end.digest, &want), "the relay has it from the source");
	ok(hash_equal(&leg[2].stats.end.digest, &want), "the digest of the target is the same");
	ok(!archive || hash_equal(&leg[0].stats.coded, &leg[2].stats.coded),
		"the coded blocks have the same digest");
	is_int(leg[1].stats.coded_bytes, leg[0].stats.coded_bytes, "the relay changed no block");
	is_int(leg[2].stats.end.data_blocks, leg[0].stats.end.data_blocks,
		"the number of blocks is the same");
	is_int(target_commit(t), 0, "the target is committed");
	end_leg(&leg[0]);
	end_leg(&leg[1]);
	end_leg(&leg[2]);
	image_close(img);
	conn_close(near[0]);
	conn_close(near[1]);
	conn_close(far[0]);
	conn_close(far[1]);
	if (archive) {
		is_int(scratch_run("lzop -t copy.lzo"), 0, "lzop -t accepts it");
		is_int(scratch_run("lzop -dc copy.lzo | cmp - image"), 0, "and the image");
	} else {
		is_int(scratch_run("cmp copy image"), 0, "the copy is the image");
	}
	is_int(scratch_run("rm copy*"), 0, "there are no other files");
}

/* The status with which a receiver fails on hand-made frames, or 0. */
static struct flow_stats seen;

static int taken(struct conn *c[2], uint64_t announced)
{
	struct flow_options opt = { .jobs = 4, .digest = true };
	struct source *from = source_wire(LANES_ONE(c[1]), announced);
	struct memsink *to = memsink(&memsink_raw);
	int r;

	err_clear();
	r = flow_run(from, &to->base, &opt, &seen);
	if (r == 0 && (to->bad || !to->finished))
		r = 99;
	if (r < 0)
		r = to->finished ? 98 : (int)err_status();
	source_free(from);
	sink_free(&to->base);
	conn_close(c[0]);
	conn_close(c[1]);
	return r;
}

static void send_nth(struct conn *c, uint64_t off, uint64_t len, uint64_t index)
{
	struct block *b = conns_block(off, len, 0, false);

	memflow_fill(b->raw, len, index);
	b->coded_len = 0;
	block_encode(b, true);
	if (conn_send_block(c, b) < 0)
		abort();
	block_free(b);
}

/* Two blocks, of noise and of text, and a matching END. */
static struct wire_end send_two(struct conn *c[2])
{
	struct wire_end e = {
		.len = 2 * BLOCK_SIZE, .data_bytes = 2 * BLOCK_SIZE, .data_blocks = 2
	};

	conns_pair(c, NULL, NULL, 0);
	send_nth(c[0], 0, BLOCK_SIZE, 0);
	send_nth(c[0], BLOCK_SIZE, BLOCK_SIZE, 1);
	memflow_digest(2 * BLOCK_SIZE, &e.digest);
	return e;
}

static int with_end(struct conn *c[2], const struct wire_end *e)
{
	uint8_t end[WIRE_END_SIZE];

	wire_end_put(end, e);
	conn_send(c[0], WIRE_END, end, sizeof(end));
	return taken(c, FLOW_LEN_UNKNOWN);
}

static void test_ends(void)
{
	struct conn *c[2];
	struct wire_end e = send_two(c);

	is_int(with_end(c, &e), 0, "a hand-made stream is accepted");
	e = send_two(c);
	e.len++;
	is_int(with_end(c, &e), ST_CORRUPT, "an END with another length is not");
	e = send_two(c);
	e.data_bytes--;
	is_int(with_end(c, &e), ST_CORRUPT, "nor with other data bytes");
	e = send_two(c);
	e.hole_bytes = BLOCK_SIZE;
	is_int(with_end(c, &e), ST_CORRUPT, "nor with a hole that was not there");
	e = send_two(c);
	e.data_blocks = 3;
	is_int(with_end(c, &e), ST_CORRUPT, "nor with a block that was lost");
	e = send_two(c);
	e.digest.byte[15] ^= 1;
	is_int(with_end(c, &e), ST_CORRUPT, "nor with another digest");
	is_str(err_text(), "the digests of source and target differ", "and the message says so");
	e = send_two(c);
	memset(&e.digest, 0, sizeof(e.digest));
	is_int(with_end(c, &e), ST_CORRUPT, "nor without a digest");
	send_two(c);
	conn_finish(c[0]);
	is_int(taken(c, FLOW_LEN_UNKNOWN), ST_PEER, "a stream without END is a lost peer");
	send_two(c);
	conn_send(c[0], WIRE_REQUEST, "op=x", 5);
	is_int(taken(c, FLOW_LEN_UNKNOWN), ST_PEER, "a REQUEST in a stream is a protocol error");
}

static void test_places(void)
{
	struct block *hole = block_new();
	struct conn *c[2];
	struct wire_end e;

	if (!hole)
		abort();
	e = send_two(c);
	send_nth(c[0], BLOCK_SIZE, BLOCK_SIZE, 1);
	is_int(with_end(c, &e), ST_CORRUPT, "a block that comes twice");
	e = send_two(c);
	send_nth(c[0], 3 * BLOCK_SIZE, BLOCK_SIZE, 3);
	is_int(with_end(c, &e), ST_CORRUPT, "a block after a missing one");
	conns_pair(c, NULL, NULL, 0);
	send_nth(c[0], 0, 1000, 0);
	send_nth(c[0], BLOCK_SIZE, BLOCK_SIZE, 1);
	is_int(taken(c, FLOW_LEN_UNKNOWN), ST_CORRUPT, "a short block that is not the last");
	send_two(c);
	is_int(taken(c, 2 * BLOCK_SIZE - 1), ST_CORRUPT, "more bytes than announced");
	e = send_two(c);
	{
		uint8_t end[WIRE_END_SIZE];

		wire_end_put(end, &e);
		conn_send(c[0], WIRE_END, end, sizeof(end));
	}
	is_int(taken(c, 2 * BLOCK_SIZE + 1), ST_CORRUPT, "fewer bytes than announced");
	send_two(c);
	block_set_hole(hole, 2 * BLOCK_SIZE, 1ull << 60);
	conn_send_block(c[0], hole);
	is_int(taken(c, 20 * BLOCK_SIZE), ST_CORRUPT, "a hole that is larger than the image");
	block_free(hole);
}

static void test_damage(void)
{
	struct block *b = conns_block(0, BLOCK_SIZE, 1, true);
	struct conn *c[2];

	conns_pair(c, NULL, NULL, 0);
	b->adler ^= 1;
	conn_send_block(c[0], b);
	is_int(taken(c, FLOW_LEN_UNKNOWN), ST_CORRUPT, "a block with a wrong checksum");
	ok(seen.source_failed, "is a failure of the source");
	conns_pair(c, NULL, NULL, 0);
	b->adler ^= 1;
	memset(b->enc, 0xff, b->coded_len);
	conn_send_block(c[0], b);
	is_int(taken(c, FLOW_LEN_UNKNOWN), ST_CORRUPT, "a block that is not LZO1X data");
	block_free(b);
}

/* The disk of the far end is full: the near end stops early, with that error. */
static void test_full_disk(void)
{
	struct leg near, far;
	struct memsource *from = memsource(400ull * BLOCK_SIZE, true);
	struct memsink *to = memsink(&memsink_parallel);
	struct conn *c[2];
	pthread_t t;

	memset(&near, 0, sizeof(near));
	memset(&far, 0, sizeof(far));
	conns_pair(c, NULL, NULL, 0);
	near.from = &from->base;
	near.to = sink_wire(LANES_ONE(c[0]), false);
	far.from = source_wire(LANES_ONE(c[1]), from->len);
	far.to = &to->base;
	far.tell = c[1];
	near.opt = far.opt = (struct flow_options){ .jobs = 4, .digest = true };
	to->fail_at = 20;
	t = conns_start(run_leg, &far);
	run_leg(&near);
	conns_join(t);
	is_int(far.result, -1, "the far end fails");
	is_int(far.error.status, ST_NOROOM, "as its disk is full");
	is_int(near.result, -1, "and so does the near end");
	is_int(near.error.status, ST_NOROOM, "with the same status");
	is_str(near.error.text, "put", "and the same message");
	ok(!near.stats.source_failed && far.result && !far.stats.source_failed,
		"the sink has failed");
	ok(from->index < 200, "long before all was read");
	end_leg(&near);
	end_leg(&far);
	conn_close(c[0]);
	conn_close(c[1]);
}

/* The source of the near end fails: the far end, which is waiting, gets the error. */
static void test_bad_source(void)
{
	struct leg near, far;
	struct memsource *from = memsource(20ull * BLOCK_SIZE, true);
	struct memsink *to = memsink(&memsink_raw);
	struct conn *c[2];
	pthread_t t;

	memset(&near, 0, sizeof(near));
	memset(&far, 0, sizeof(far));
	conns_pair(c, NULL, NULL, 0);
	from->fail_load = 10;
	near.from = &from->base;
	near.to = sink_wire(LANES_ONE(c[1]), false);
	near.tell = c[1];
	far.from = source_wire(LANES_ONE(c[0]), from->len);
	far.to = &to->base;
	near.opt = far.opt = (struct flow_options){ .jobs = 4, .digest = true };
	t = conns_start(run_leg, &far);
	run_leg(&near);
	conns_join(t);
	is_int(far.result, -1, "a source fails");
	is_int(far.error.status, ST_CORRUPT, "the other end fails, too");
	is_str(far.error.text, "load", "with the message of the source");
	ok(far.stats.source_failed && !to->finished, "and the source has failed");
	ok(to->next <= 10 && to->bad == 0, "after only the blocks that came before");
	end_leg(&near);
	end_leg(&far);
	conn_close(c[0]);
	conn_close(c[1]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	scratch_open();
	make_image("image");
	test_transfer(false, 1);
	test_transfer(false, 8);
	test_transfer(true, 8);
	test_ends();
	test_places();
	test_damage();
	test_full_disk();
	test_bad_source();
	scratch_close(tap_failed);
	return tap_done();
}
