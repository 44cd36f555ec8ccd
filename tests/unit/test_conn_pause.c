/*
 * A connection whose client is stopped, one on which silence does not count, and a
 * limit in time that nothing that arrives extends.
 */
#include "lib/wire/conn.h"

#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

#define SILENCE_MS 400

static void send_pause(int fd, uint32_t seconds)
{
	uint8_t frame[WIRE_HEADER + WIRE_PAUSE_SIZE];

	wire_header_put(frame, WIRE_PAUSE, WIRE_PAUSE_SIZE);
	put_be32(frame + WIRE_HEADER, seconds);
	if (io_write(fd, frame, sizeof(frame)) < 0)
		abort();
}

static void send_beat(int fd)
{
	uint8_t frame[WIRE_HEADER];

	wire_header_put(frame, WIRE_BEAT, 0);
	if (io_write(fd, frame, sizeof(frame)) < 0)
		abort();
}

/* Reads frames until a PAUSE comes; the seconds that it has. */
static uint32_t read_pause(int fd)
{
	uint8_t head[WIRE_HEADER], body[WIRE_PAUSE_SIZE];
	struct wire_header h;

	do {
		if (io_read(fd, head, sizeof(head)) != sizeof(head) ||
			wire_header_parse(&h, head, WIRE_HELPER) < 0 || h.len > sizeof(body) ||
			io_read(fd, body, h.len) != (ssize_t)h.len)
			return 0;
	} while (h.type != WIRE_PAUSE);
	return get_be32(body);
}

/* The milliseconds until c has failed. */
static int64_t lives(struct conn *c)
{
	int64_t began = io_now_ms();

	if (!conns_wait(conn_failed(c, NULL)))
		return -1;
	return io_now_ms() - began;
}

static void test_helper(void)
{
	struct conn *c;
	struct err e;
	int peer;

	c = conns_half(WIRE_HELPER, NULL, SILENCE_MS, &peer);
	send_pause(peer, 1);
	is_int(read_pause(peer), 1, "a helper answers a PAUSE");
	ok(lives(c) > 1000 + SILENCE_MS / 2, "and then waits for so long");
	conn_failed(c, &e);
	is_int(e.status, ST_PEER, "but not for ever");
	conn_close(c);
	close(peer);
	c = conns_half(WIRE_HELPER, NULL, SILENCE_MS, &peer);
	send_pause(peer, 100);
	is_int(read_pause(peer), 100, "another PAUSE");
	send_beat(peer);
	ok(lives(c) < 10000, "which ends when the client is heard of");
	conn_close(c);
	close(peer);
	c = conns_half(WIRE_HELPER, NULL, SILENCE_MS, &peer);
	send_pause(peer, UINT32_MAX);
	is_int(read_pause(peer), WIRE_PAUSE_MAX_S, "at most an hour");
	conn_close(c);
	close(peer);
}

static void test_client(void)
{
	struct conn *c[2];
	struct frame *f;
	int64_t began;

	conns_pair(c, NULL, NULL, SILENCE_MS);
	began = io_now_ms();
	conn_suspend(c[0]);
	ok(io_now_ms() - began < CONN_SUSPEND_MS, "a client has the answer");
	began = io_now_ms();
	while (io_now_ms() - began < 4 * SILENCE_MS)
		conns_moment();
	ok(!conn_failed(c[1], NULL), "the helper is patient while nothing is sent");
	conn_resume(c[0]);
	is_int(conn_send(c[0], WIRE_GO, NULL, 0), 0, "and afterwards");
	is_int(conn_expect(c[1], WIRE_GO, &f), 0, "all goes on");
	conn_release(c[1], f);
	conn_close(c[0]);
	conn_close(c[1]);
}

static void test_no_silence(void)
{
	int64_t began = io_now_ms();
	struct conn *c;
	int peer;

	c = conns_half(WIRE_CLIENT, NULL, CONN_NO_SILENCE, &peer);
	while (io_now_ms() - began < 4 * SILENCE_MS)
		conns_moment();
	ok(!conn_failed(c, NULL), "silence that does not count");
	close(peer);
	ok(conns_wait(conn_failed(c, NULL)), "where end of file does");
	conn_close(c);
}

static void *send_beats(void *arg)
{
	uint8_t frame[WIRE_HEADER];

	wire_header_put(frame, WIRE_BEAT, 0);
	while (send(*(int *)arg, frame, sizeof(frame), MSG_NOSIGNAL) > 0)
		conns_moment();
	return NULL;
}

static void test_limit(void)
{
	struct conn *c;
	struct err e;
	pthread_t t;
	int peer;

	c = conns_half(WIRE_CLIENT, NULL, 0, &peer);
	t = conns_start(send_beats, &peer);
	conn_limit(c, 1000, "no greeting");
	ok(lives(c) >= 900, "a limit");
	conn_failed(c, &e);
	is_str(e.text, "no greeting for 1 s", "that BEATs do not move");
	conn_close(c);
	conns_join(t);
	close(peer);
	c = conns_half(WIRE_CLIENT, NULL, 0, &peer);
	conn_limit(c, 300, "no greeting");
	conn_limit(c, 0, NULL);
	t = conns_start(send_beats, &peer);
	e.status = ST_OK;
	for (int64_t began = io_now_ms(); io_now_ms() - began < 1000;)
		conns_moment();
	ok(!conn_failed(c, NULL), "and one that was lifted");
	conn_close(c);
	conns_join(t);
	close(peer);
}

int main(void)
{
	test_helper();
	test_client();
	test_no_silence();
	test_limit();
	return tap_done();
}
