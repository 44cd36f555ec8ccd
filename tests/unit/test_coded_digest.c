/*
 * The digest of coded blocks, by which an archive's receiver knows that it has what was sent.
 */
#include <fcntl.h>
#include <signal.h>

#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "tests/unit/memflow.h"
#include "tests/unit/tap.h"

/* The digest of two coded blocks as an archive's receiver computes it. */
static struct hash coded_digest(void (*change)(struct block *b))
{
	struct flow_options opt = { .jobs = 4, .coded_digest = true };
	struct block *b = block_new();
	struct wire_end e = { .len = 2 * BLOCK_SIZE,
		.data_bytes = BLOCK_SIZE,
		.hole_bytes = BLOCK_SIZE,
		.data_blocks = 1 };
	static const struct archive_origin origin = { .name = "image", .mode = 0600 };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct sink *to = sink_archive(NULL, null, &origin);
	struct flow_stats stats;
	struct source *from;
	uint8_t end[WIRE_END_SIZE];
	struct conn *c[2];

	conns_pair(c, NULL, NULL, 0);
	block_set_data(b, 0, BLOCK_SIZE);
	memflow_fill(b->raw, BLOCK_SIZE, 1);
	b->has_raw = true;
	block_encode(b, true);
	if (change)
		change(b);
	conn_send_block(c[0], b);
	block_set_hole(b, BLOCK_SIZE, BLOCK_SIZE);
	conn_send_block(c[0], b);
	wire_end_put(end, &e);
	conn_send(c[0], WIRE_END, end, sizeof(end));
	from = source_wire(LANES_ONE(c[1]), 2 * BLOCK_SIZE);
	ok(flow_run(from, to, &opt, &stats) == 0 && stats.has_coded, "blocks are received");
	source_free(from);
	sink_free(to);
	block_free(b);
	close(null);
	conn_close(c[0]);
	conn_close(c[1]);
	return stats.coded;
}

static void change_byte(struct block *b)
{
	b->enc[b->coded_len - 1] ^= 1;
}

static void change_adler(struct block *b)
{
	b->adler ^= 1;
}

static void change_nothing(struct block *b)
{
	(void)b;
}

/* An archive's receiver does not decode, so that its digest alone tells of damage. */
static void test_coded_digest(void)
{
	const struct hash sent = coded_digest(NULL);
	struct hash got = coded_digest(change_nothing);

	ok(hash_equal(&sent, &got), "the same blocks have the same digest");
	got = coded_digest(change_byte);
	ok(!hash_equal(&sent, &got), "a changed byte is noticed");
	got = coded_digest(change_adler);
	ok(!hash_equal(&sent, &got), "a changed checksum is noticed");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_coded_digest();
	return tap_done();
}
