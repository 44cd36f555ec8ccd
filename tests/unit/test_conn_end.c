/*
 * How a connection ends: closed between frames or within one, by silence, by bytes
 * that are not frames, by conn_stop(), by a cancel.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "lib/base/cancel.h"
#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

static sem_t ended;

static void on_ended(void *arg)
{
	(void)arg;
	sem_post(&ended);
}

static const struct conn_hooks hooks = { .ended = on_ended };

static void wait_ended(void)
{
	while (sem_wait(&ended) < 0)
		;
}

/* What conn_recv() returns at the end, after some frames and n bytes of a RECORD frame. */
static int after_bytes(size_t n, int *frames)
{
	static const uint8_t record[] = { WIRE_RECORD, 0, 0, 0, 0, 0, 0, 4, 'a', '=', '1', 0 };
	struct conn *c;
	struct frame *f;
	int peer, r;

	c = conns_half(WIRE_CLIENT, NULL, 0, &peer);
	if (io_write(peer, record, n) < 0)
		abort();
	close(peer);
	err_clear();
	for (*frames = 0; (r = conn_recv(c, &f)) == 1; (*frames)++)
		conn_release(c, f);
	conn_close(c);
	return r;
}

static void test_cut(void)
{
	int n, frames, bad = 0;

	is_int(after_bytes(0, &frames), 0, "an end before the first frame");
	is_int(frames, 0, "is just the end");
	is_int(after_bytes(12, &frames), 0, "an end after a frame");
	is_int(frames, 1, "which still comes");
	for (n = 1; n < 12; n++) {
		bad += after_bytes((size_t)n, &frames) != -1 || frames != 0;
		bad += err_status() != ST_PEER;
	}
	is_int(bad, 0, "an end within a frame is an error, wherever");
	is_str(err_text(), "the connection ended in the middle of a message", "which says so");
}

static void test_cut_block(void)
{
	struct block *b = conns_block(0, BLOCK_SIZE, 1, false);
	uint8_t head[WIRE_HEADER + WIRE_DATA_HEADER];
	struct conn *c;
	struct frame *f;
	int peer;

	c = conns_half(WIRE_HELPER, NULL, 0, &peer);
	wire_header_put(head, WIRE_DATA, WIRE_DATA_HEADER + b->coded_len);
	wire_data_put(head + WIRE_HEADER, b);
	if (io_write(peer, head, sizeof(head)) < 0 || io_write(peer, b->raw, 1000) < 0)
		abort();
	close(peer);
	is_int(conn_recv(c, &f), -1, "a block without its end");
	is_int(err_status(), ST_PEER, "is not given out");
	conn_close(c);
	block_free(b);
}

/* Sending to a peer that has closed is an error. */
static void test_send_to_nobody(void)
{
	struct conn *c[2];
	struct err e = { ST_FAILED, 0, "x" };
	struct frame *f;

	conns_pair(c, &hooks, NULL, 0);
	conn_close(c[1]);
	wait_ended();
	ok(conn_failed(c[0], &e), "the peer is gone");
	is_int(e.status, ST_OK, "as peers go");
	err_clear();
	is_int(conn_send(c[0], WIRE_REQUEST, "op=x", 5), -1, "a request to a closed peer");
	is_int(err_status(), ST_PEER, "is an error");
	is_int(conn_send_error(c[0], &e), -1, "and so is an ERROR");
	is_int(conn_recv(c[0], &f), 0, "no frame comes from it");
	is_int(conn_expect(c[0], WIRE_OK, &f), -1, "what is due");
	is_int(err_status(), ST_PEER, "will not come");
	conn_close(c[0]);
}

static void *recv_until_end(void *arg)
{
	struct conn *c = arg;
	struct frame *f;
	int r;

	while ((r = conn_recv(c, &f)) == 1)
		conn_release(c, f);
	return (void *)(intptr_t)(r < 0 ? (int)err_status() : 0);
}

static void test_silence(void)
{
	const int silence = 1200;
	uint8_t head[WIRE_HEADER];
	struct wire_header h;
	int64_t began, took;
	struct conn *c;
	struct frame *f;
	int peer, fresh;

	began = io_now_ms();
	c = conns_half(WIRE_CLIENT, &hooks, silence, &peer);
	ok(io_read(peer, head, sizeof(head)) == (ssize_t)sizeof(head) &&
			wire_header_parse(&h, head, WIRE_CLIENT) == 0 && h.type == WIRE_BEAT,
		"a BEAT is sent to a silent peer");
	is_int(conn_recv(c, &f), -1, "which then is lost");
	took = io_now_ms() - began;
	is_int(err_status(), ST_PEER, "so says the error");
	ok(took >= silence && took < 20 * silence, "after the time it had");
	wait_ended();
	conn_close(c);
	close(peer);

	/* A single byte shows that the peer is alive, also within a frame. */
	c = conns_half(WIRE_CLIENT, &hooks, silence, &peer);
	began = io_now_ms();
	wire_header_put(head, WIRE_OK, 0);
	for (fresh = 0; fresh < WIRE_HEADER; fresh++) {
		/* the peer sends a heartbeat every quarter of the silence limit */
		uint8_t beat[WIRE_HEADER];

		if (io_read(peer, beat, sizeof(beat)) < 0 || io_write(peer, head + fresh, 1) < 0)
			abort();
	}
	ok(io_now_ms() - began > silence, "a frame that takes longer than the silence limit");
	is_int(conn_expect(c, WIRE_OK, &f), 0, "comes byte by byte");
	conn_release(c, f);
	conn_close(c);
	close(peer);
}

/* The start of a frame that no helper, or no client, sends. */
static int hostile(enum wire_side side, const char *bytes, size_t n)
{
	struct conn *c;
	struct frame *f;
	int peer, r;

	c = conns_half(side, NULL, 0, &peer);
	if (io_write(peer, bytes, n) < 0)
		abort();
	err_clear();
	r = conn_recv(c, &f);
	if (r < 0 && conn_send(c, WIRE_BEAT, NULL, 0) == 0)
		r = 2;
	conn_close(c);
	close(peer);
	return r == -1 ? (int)err_status() : r;
}

static void test_hostile(void)
{
	static const char hole[] = "\006\0\0\0\0\0\0\020\0\0\0\0\0\0\0\001\0\0\0\0\0\0\0\001";
	static const char data[] =
		"\005\0\0\0\0\0\0\025\0\0\0\0\0\0\0\0\0\0\0\005\0\0\0\002\0\0\0\0";

	is_int(hostile(WIRE_CLIENT, "HTTP/1.1", 8), ST_PEER, "something else than frames");
	is_int(hostile(WIRE_CLIENT, "\002\0\0\0\0\0\0\010", 8), ST_PEER, "a REQUEST from a helper");
	is_int(hostile(WIRE_HELPER, "\001\0\0\0\0\0\0\010", 8), ST_PEER,
		"a GREETING from a client");
	is_int(hostile(WIRE_HELPER, "\011\0\0\0\0\0\0\010", 8), ST_PEER, "an ERROR from a client");
	is_int(hostile(WIRE_CLIENT, "\003\0\0\0\377\377\377\377", 8), ST_PEER, "a RECORD of 4 GiB");
	is_int(hostile(WIRE_CLIENT, hole, 24), ST_PEER, "a HOLE out of step");
	is_int(hostile(WIRE_HELPER, data, 28), ST_PEER, "a DATA that contradicts itself");
}

static void test_stop(void)
{
	const struct err e = { ST_FAILED, 0, "undone" };
	struct conn *c[2];
	struct frame *f;
	pthread_t t;

	conns_pair(c, NULL, NULL, 0);
	t = conns_start(recv_until_end, c[0]);
	conn_stop(c[0]);
	is_int((intptr_t)conns_join(t), ST_FAILED, "a receiver that waits is stopped");
	conn_send(c[1], WIRE_RECORD, "", 0);
	is_int(conn_recv(c[0], &f), -1, "and so is the next");
	is_str(err_text(), "stopped", "in that word");
	is_int(conn_send(c[0], WIRE_REQUEST, "op=x", 5), 0, "sending goes on");
	is_int(conn_expect(c[1], WIRE_REQUEST, &f), 0, "and arrives");
	conn_release(c[1], f);
	conn_finish(c[0]);
	is_int(conn_recv(c[1], &f), 0, "until it is said to be the end");
	is_int(conn_send(c[0], WIRE_REQUEST, "op=x", 5), -1, "a request cannot be sent afterwards");
	is_int(err_status(), ST_PEER, "as the error says");
	ok(!conn_drain(c[0], 50), "the peer is still there");
	is_int(conn_send(c[1], WIRE_OK, "", 0), -1, "and cannot send any more");
	is_int(conn_send_error(c[1], &e), 0, "but it can send an ERROR");
	conn_close(c[1]);
	ok(conn_drain(c[0], CONNS_PATIENCE_MS), "then it has gone");
	conn_close(c[0]);
}

/* A helper that is still sending blocks must notice that its client is gone. */
static void test_hang_up(bool half)
{
	struct block *b = conns_block(0, BLOCK_SIZE, 3, false);
	struct conn *c[2];
	int i;

	conns_pair(c, NULL, &hooks, 400);
	for (i = 0; i < 9; i++)
		conn_send_block(c[0], b);
	/* The inbox of the helper is full, and nobody receives from it. */
	if (half)
		conn_finish(c[0]);
	else
		conn_close(c[0]);
	wait_ended();
	ok(conn_failed(c[1], NULL), half ? "half a hang-up is seen past a full inbox"
					 : "a hang-up is seen past a full inbox");
	if (half)
		conn_close(c[0]);
	conn_close(c[1]);
	block_free(b);
}

static void *flood(void *arg)
{
	static const uint8_t message[] = { WIRE_MESSAGE, 0, 0, 0, 0, 0, 0, 2, 2, 'x' };
	int fd = *(int *)arg;

	while (send(fd, message, sizeof(message), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void test_flood(void)
{
	struct conn *c;
	int peer;
	pthread_t t;

	c = conns_half(WIRE_CLIENT, NULL, 0, &peer);
	t = conns_start(flood, &peer);
	ok(conns_wait(conn_bytes(c) > 10000), "a peer that never pauses");
	conn_close(c);
	conns_join(t);
	ok(1, "does not keep the connection from being closed");
	close(peer);
}

/* After half a frame, the peer is silent for too long. */
static void test_half_frame(void)
{
	struct block *b = conns_block(0, BLOCK_SIZE, 1, false);
	struct err e = { ST_FAILED, 0, "x" };
	uint8_t *got = malloc(BLOCK_SIZE);
	struct conn *c;
	ssize_t n;
	int peer;

	c = conns_half(WIRE_HELPER, NULL, 300, &peer);
	is_int(conn_send_block(c, b), -1, "a block that nobody reads");
	is_int(err_status(), ST_PEER, "is not sent");
	is_int(conn_send(c, WIRE_OK, "", 0), -1, "nor is what comes after it");
	is_int(conn_send_error(c, &e), -1, "not even an ERROR");
	conn_close(c);
	n = got ? io_read(peer, got, BLOCK_SIZE) : -1;
	ok(n > WIRE_HEADER + WIRE_DATA_HEADER && n < (ssize_t)BLOCK_SIZE &&
			memcmp(got + WIRE_HEADER + WIRE_DATA_HEADER, b->raw,
				(size_t)n - WIRE_HEADER - WIRE_DATA_HEADER) == 0,
		"only half a frame was sent");
	close(peer);
	free(got);
	block_free(b);
}

static int cancel_receiver(void)
{
	struct conn *c;
	pthread_t t;
	int peer;

	if (cancel_init() < 0)
		return 1;
	c = conns_half(WIRE_HELPER, &hooks, 0, &peer);
	t = conns_start(recv_until_end, c);
	cancel_set();
	if ((intptr_t)conns_join(t) != ST_FAILED)
		return 2;
	wait_ended();
	if (!conn_failed(c, NULL) || conn_send(c, WIRE_OK, "", 0) != -1 ||
		strcmp(err_text(), "interrupted"))
		return 3;
	conn_close(c);
	return 0;
}

/* The last frame of a helper that was interrupted. */
static int cancel_then_error(void)
{
	struct err e = { ST_PEER, 0, "ended by a signal" };
	struct conn *c[2];
	struct frame *f;

	if (cancel_init() < 0)
		return 1;
	conns_pair(c, NULL, &hooks, 0);
	cancel_set();
	wait_ended();
	if (conn_recv(c[1], &f) != -1 || conn_send_error(c[1], &e) != 0)
		return 2;
	conn_close(c[1]);
	/* Client and helper are both cancelled, but the frame was sent before. */
	if (!conns_wait(conn_bytes(c[0]) == WIRE_HEADER + 6 + strlen(e.text)))
		return 3;
	if (conn_recv(c[0], &f) != -1 || strcmp(err_text(), "interrupted") != 0)
		return 4;
	conn_close(c[0]);
	return 0;
}

static void *send_much(void *arg)
{
	struct block *b = conns_block(0, BLOCK_SIZE, 1, false);
	int r = conn_send_block(arg, b);

	block_free(b);
	return (void *)(intptr_t)(r < 0 ? (int)err_status() : 0);
}

static int cancel_sender(void)
{
	struct conn *c;
	char first;
	pthread_t t;
	int peer;

	if (cancel_init() < 0)
		return 1;
	c = conns_half(WIRE_HELPER, &hooks, 0, &peer);
	t = conns_start(send_much, c);
	if (!conns_wait(recv(peer, &first, 1, MSG_PEEK) == 1))
		return 2;
	cancel_set();
	if ((intptr_t)conns_join(t) != ST_FAILED)
		return 3;
	conn_close(c);
	return 0;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	sem_init(&ended, 0, 0);
	is_int(conns_child(cancel_receiver), 0, "a cancel ends a wait for a frame");
	is_int(conns_child(cancel_then_error), 0, "and an ERROR can still be sent");
	is_int(conns_child(cancel_sender), 0, "a cancel ends a send");
	test_cut();
	test_cut_block();
	test_send_to_nobody();
	test_silence();
	test_hostile();
	test_stop();
	test_hang_up(false);
	test_hang_up(true);
	test_flood();
	test_half_frame();
	return tap_done();
}
