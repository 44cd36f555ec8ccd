/*
 * Receives arbitrary bytes from a peer.  The first byte says whether the peer is a
 * helper (even) or a client (odd); its second bit says whether frames are received one
 * by one or by a flow.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "lib/wire/conn.h"

#define INPUT_MAX 100000 /* fits into a socket that nobody reads */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void on_message(void *arg, int level, const char *text)
{
	(void)arg;
	check(level >= 0 && level <= 255 && strlen(text) <= WIRE_TEXT_MAX);
}

static void on_progress(void *arg, const struct wire_progress *p)
{
	(void)arg;
	(void)p;
}

static void check_block(struct block *b)
{
	check(b->off % BLOCK_SIZE == 0 && b->len > 0 && b->off + b->len <= INT64_MAX);
	if (b->kind == BLOCK_HOLE)
		return;
	check(b->len <= BLOCK_SIZE && b->coded_len > 0 && b->coded_len <= b->len);
	if (block_decode(b) < 0)
		check(err_status() == ST_CORRUPT);
	else
		block_hash(b);
}

static void check_same(const struct frame *f)
{
	uint8_t back[WIRE_SAME_SIZE];
	struct wire_same s;

	check(f->len == WIRE_SAME_SIZE);
	if (wire_same_parse(&s, f->payload) < 0) {
		check(err_status() == ST_PEER);
		return;
	}
	check(s.off % BLOCK_SIZE == 0 && s.len > 0 && s.len <= WIRE_SAME_MAX);
	check(s.off + s.len <= INT64_MAX);
	wire_same_put(back, &s);
	check(memcmp(back, f->payload, sizeof(back)) == 0);
}

static void check_frame(struct conn *c, struct frame *f, enum wire_side side)
{
	struct kv kv;
	struct err e;

	/* Checks that the receiver gets no frame that only the other side may get. */
	check(f->type != WIRE_BEAT && f->type != WIRE_MESSAGE && f->type != WIRE_PROGRESS &&
		f->type != WIRE_ERROR);
	check(f->type != (side == WIRE_CLIENT ? WIRE_REQUEST : WIRE_GREETING));
	if (f->type == WIRE_DATA || f->type == WIRE_HOLE) {
		check(!f->payload && f->block);
		check_block(f->block);
	} else {
		check(f->len <= WIRE_KV_MAX && f->payload);
		if (f->type == WIRE_SAME) {
			check_same(f);
		} else if (f->type == WIRE_LANE) {
			check(side == WIRE_HELPER && f->len == WIRE_LANE_SIZE);
		} else if (f->type == WIRE_FAILED) {
			wire_error_parse(&e, f->payload, f->len);
			check(e.status != ST_OK && memchr(e.text, '\0', sizeof(e.text)));
		} else if (kv_parse(&kv, f->payload, f->len) == 0) {
			kv_fini(&kv);
		}
	}
	conn_release(c, f);
}

static void one_by_one(struct conn *c, enum wire_side side)
{
	struct frame *f;
	int r;

	while ((r = conn_recv(c, &f)) == 1)
		check_frame(c, f, side);
	check(r == 0 || err_status() != ST_OK);
}

static void by_flow(struct conn *c)
{
	struct flow_options opt = { .jobs = 1, .digest = true };
	struct source *from = source_wire(LANES_ONE(c), FLOW_LEN_UNKNOWN);
	struct sink *to = sink_null();
	struct flow_stats stats;

	check(from && to);
	if (flow_run(from, to, &opt, &stats) < 0)
		check(err_status() != ST_OK);
	else
		check(stats.end.len == stats.end.data_bytes + stats.end.hole_bytes);
	source_free(from);
	sink_free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conn_hooks hooks = { on_message, on_progress, NULL, NULL };
	enum wire_side side;
	struct conn *c;
	int fd[2];

	if (size < 1 || size > INPUT_MAX)
		return 0;
	side = data[0] & 1 ? WIRE_HELPER : WIRE_CLIENT;
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	check(io_write(fd[1], data + 1, size - 1) == 0 && shutdown(fd[1], SHUT_WR) == 0);
	err_clear();
	c = conn_new(fd[0], fd[0], side, &hooks, 0);
	check(c != NULL);
	if (data[0] & 2)
		by_flow(c);
	else
		one_by_one(c, side);
	conn_close(c);
	close(fd[1]);
	return 0;
}
