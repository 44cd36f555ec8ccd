/*
 * A working connection: frames and blocks in both directions, back-pressure, frames
 * that bypass the inbox, and heartbeats.  test_conn_end.c tests how connections end.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>

#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

#define MANY 50

/* Sends one frame and receives it at the other end.  Whether it arrived unchanged. */
static bool passes(
	struct conn *from, struct conn *to, enum wire_type type, const char *text, size_t len)
{
	struct frame *f;
	bool same;

	if (conn_send(from, type, text, len) < 0 || conn_recv(to, &f) != 1)
		return false;
	same = f->type == type && f->len == len && memcmp(f->payload, text, len) == 0;
	conn_release(to, f);
	return same;
}

static void test_frames(struct conn *c[2], const char *how)
{
	static char large[WIRE_KV_MAX];
	uint8_t end[WIRE_END_SIZE];
	struct frame *f;
	uint64_t before = conn_bytes(c[0]);

	memset(large, 'l', sizeof(large));
	memset(end, 7, sizeof(end));
	printf("# %s\n", how);
	ok(passes(c[1], c[0], WIRE_GREETING, "protocol=3", 11), "a GREETING");
	ok(passes(c[0], c[1], WIRE_REQUEST, "op=info", 8), "a REQUEST");
	ok(passes(c[1], c[0], WIRE_RECORD, "", 0), "an empty RECORD");
	ok(passes(c[0], c[1], WIRE_GO, "", 0), "a GO");
	ok(passes(c[0], c[1], WIRE_END, (char *)end, sizeof(end)), "an END there");
	ok(passes(c[1], c[0], WIRE_END, (char *)end, sizeof(end)), "and back");
	ok(passes(c[1], c[0], WIRE_OK, large, 4), "an OK");
	is_int(conn_bytes(c[0]) - before, 7 * WIRE_HEADER + 11 + 8 + 2 * WIRE_END_SIZE + 4,
		"all bytes are counted");
	is_int(conn_send(c[1], WIRE_RECORD, "r", 2), 0, "another RECORD");
	is_int(conn_expect(c[0], WIRE_RECORD, &f), 0, "is expected");
	conn_release(c[0], f);
	is_int(conn_send(c[1], WIRE_OK, "", 0), 0, "an OK");
	is_int(conn_expect(c[0], WIRE_RECORD, &f), -1, "is not what is due");
	is_int(err_status(), ST_PEER, "so says the error");
	ok(!conn_failed(c[0], NULL) && !conn_failed(c[1], NULL), "no end has failed");
}

struct sender {
	struct conn *c;
	unsigned count;
	atomic_uint sent;
	int result;
};

/* Makes block i of a test: holes, compressible blocks, a short one at the end. */
static struct block *nth(unsigned i, unsigned count)
{
	struct block *b;

	if (i % 5 != 4)
		return conns_block((uint64_t)i * BLOCK_SIZE,
			i + 1 == count ? BLOCK_SIZE - 77 : BLOCK_SIZE, i, i % 2);
	b = block_new();
	if (!b)
		abort();
	block_set_hole(b, (uint64_t)i * BLOCK_SIZE, BLOCK_SIZE);
	return b;
}

static void *send_blocks(void *arg)
{
	struct sender *s = arg;
	unsigned i;

	for (i = 0; i < s->count && s->result == 0; i++) {
		struct block *b = nth(i, s->count);

		s->result = conn_send_block(s->c, b);
		block_free(b);
		atomic_fetch_add(&s->sent, 1);
	}
	return NULL;
}

/* Whether the received block is the one that was sent. */
static bool same_block(const struct frame *f, unsigned i, unsigned count)
{
	struct block *want = nth(i, count), *b = f->block;
	bool same = f->payload == NULL && b->kind == want->kind && b->off == want->off &&
		    b->len == want->len;

	if (same && b->kind == BLOCK_DATA)
		same = f->type == WIRE_DATA && b->coded_len == want->coded_len &&
		       b->adler == want->adler && block_decode(b) == 0 &&
		       memcmp(b->raw, want->raw, b->len) == 0;
	else
		same = same && f->type == WIRE_HOLE;
	block_free(want);
	return same;
}

/* How many of count blocks arrived unchanged. */
static unsigned take_blocks(struct conn *c, unsigned count)
{
	unsigned i, good = 0;
	struct frame *f;

	for (i = 0; i < count; i++) {
		if (conn_recv(c, &f) != 1)
			break;
		good += same_block(f, i, count);
		conn_release(c, f);
	}
	return good;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A signal every millisecond, so that system calls fail with EINTR. */
static void test_blocks(struct conn *c[2])
{
	struct sender up = { .c = c[0], .count = MANY }, down = { .c = c[1], .count = MANY };
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, none = { { 0, 0 }, { 0, 0 } };
	struct sigaction act = { .sa_handler = on_alarm };
	pthread_t t;

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	t = conns_start(send_blocks, &up);
	is_int(take_blocks(c[1], MANY), MANY, "blocks to the helper, disturbed by signals");
	conns_join(t);
	t = conns_start(send_blocks, &down);
	is_int(take_blocks(c[0], MANY), MANY, "and from it");
	conns_join(t);
	setitimer(ITIMER_REAL, &none, NULL);
	is_int(up.result, 0, "the client sent all");
	is_int(down.result, 0, "and so did the helper");
}

/* Both directions are full: each side sends while the other does not receive. */
static void test_crossing(struct conn *c[2])
{
	struct sender up = { .c = c[0], .count = MANY }, down = { .c = c[1], .count = MANY };
	pthread_t a = conns_start(send_blocks, &up), b = conns_start(send_blocks, &down);

	ok(conns_wait(atomic_load(&up.sent) >= 9 && atomic_load(&down.sent) >= 9), "both are full");
	is_int(take_blocks(c[1], MANY), MANY, "and each direction");
	is_int(take_blocks(c[0], MANY), MANY, "moves by itself");
	conns_join(a);
	conns_join(b);
}

static void test_pressure(void)
{
	struct sender s = { .count = MANY };
	struct conn *c[2];
	unsigned i, most;
	pthread_t t;

	conns_pair(c, NULL, NULL, 0);
	s.c = c[0];
	t = conns_start(send_blocks, &s);
	ok(conns_wait(atomic_load(&s.sent) >= 9), "the inbox accepts its limit");
	for (i = 0; i < 50; i++)
		conns_moment();
	/* 8 are in the inbox, one is with the reader, and some holes are in the socket. */
	most = atomic_load(&s.sent);
	ok(most <= 14, "then the sender has to wait");
	is_int(take_blocks(c[1], MANY), MANY, "no block is lost");
	conns_join(t);
	is_int(s.result, 0, "in the end all was sent");
	conn_close(c[0]);
	conn_close(c[1]);
}

static struct aside {
	sem_t message, progress, ended;
	int level;
	char text[100];
	uint64_t done, total, left, physical, threshold;
	atomic_int ends;
} aside;

static void on_message(void *arg, int level, const char *text)
{
	struct aside *a = arg;

	a->level = level;
	snprintf(a->text, sizeof(a->text), "%s", text);
	sem_post(&a->message);
}

static void on_progress(void *arg, const struct wire_progress *p)
{
	struct aside *a = arg;

	a->done = p->done;
	a->total = p->total;
	a->left = p->left;
	a->physical = p->physical;
	a->threshold = p->threshold;
	sem_post(&a->progress);
}

static void on_ended(void *arg)
{
	struct aside *a = arg;

	atomic_fetch_add(&a->ends, 1);
	sem_post(&a->ended);
}

static const struct conn_hooks hooks = { on_message, on_progress, on_ended, &aside };

static void sem_take(sem_t *s)
{
	while (sem_wait(s) < 0)
		;
}

static void test_aside(void)
{
	static const struct err full = { ST_NOROOM, ENOSPC, "the disk is full" };
	static const struct wire_progress progress = { 5, 1ull << 40, 3, 1ull << 33, 7, 8, 9, 10 };
	uint8_t numbers[WIRE_PROGRESS_MAX];
	struct conn *c[2];
	struct frame *f;
	struct err e;
	int i, records = 0;

	conns_pair(c, &hooks, NULL, 0);
	for (i = 0; i < 5; i++)
		conn_send(c[1], WIRE_RECORD, "r=1", 4);
	conn_send(c[1], WIRE_MESSAGE, "\002a word", 7);
	sem_take(&aside.message);
	is_int(aside.level, 2, "a MESSAGE passes the inbox: its level");
	is_str(aside.text, "a word", "and its text");
	conn_send(c[1], WIRE_PROGRESS, numbers, wire_progress_put(numbers, &progress));
	sem_take(&aside.progress);
	ok(aside.done == 5 && aside.total == 1ull << 40 && aside.left == 1ull << 33 &&
			aside.physical == 9 && aside.threshold == 10,
		"and so does PROGRESS");
	ok(!conn_failed(c[0], NULL), "until then all is well");
	is_int(conn_send_error(c[1], &full), 0, "an ERROR");
	sem_take(&aside.ended);
	ok(conn_failed(c[0], &e) && e.status == ST_NOROOM && e.sys == ENOSPC, "passes it, too");
	is_str(e.text, "the disk is full", "with its text");
	is_int(conn_send(c[0], WIRE_GO, NULL, 0), -1, "nothing can be sent afterwards");
	is_int(err_status(), ST_NOROOM, "for that reason");
	while ((i = conn_recv(c[0], &f)) == 1) {
		records += f->type == WIRE_RECORD;
		conn_release(c[0], f);
	}
	is_int(records, 5, "what came before it is still there");
	is_int(i, -1, "and then the error");
	is_str(err_text(), "the disk is full", "which is the peer's");
	conn_close(c[1]);
	conn_close(c[0]);
	is_int(atomic_load(&aside.ends), 1, "the end is reported once");
}

/* A sender that is in the middle of a block gets the ERROR at once. */
static void test_error_while_sending(void)
{
	static const struct err full = { ST_NOROOM, 0, "no room" };
	struct sender s = { .count = MANY };
	uint8_t frame[WIRE_HEADER];
	struct buf b = BUF_INIT;
	int peer;
	pthread_t t;

	s.c = conns_half(WIRE_CLIENT, NULL, 0, &peer);
	t = conns_start(send_blocks, &s);
	wire_error_put(&b, &full);
	/* The peer reads nothing, so the sender is stuck in its first block. */
	ok(conns_wait(recv(peer, frame, 1, MSG_PEEK) == 1), "a block begins");
	wire_header_put(frame, WIRE_ERROR, (uint32_t)b.len);
	ok(io_write(peer, frame, sizeof(frame)) == 0 && io_write(peer, b.data, b.len) == 0,
		"an ERROR");
	buf_fini(&b);
	conns_join(t);
	is_int(s.result, -1, "ends a send that the peer does not read");
	is_int(atomic_load(&s.sent), 1, "at once");
	is_int(conn_send_error(s.c, &full), -1, "and nothing may follow half a frame");
	close(peer);
	conn_close(s.c);
}

static void test_beats(void)
{
	const int silence = 2500;
	struct conn *c[2];
	uint64_t enough;
	struct frame *f;

	conns_pair(c, NULL, NULL, silence);
	/* Only waits; six heartbeats each way take longer than the silence limit. */
	enough = 2 * 6 * WIRE_HEADER;
	ok(conns_wait(conn_bytes(c[0]) >= enough && conn_bytes(c[1]) >= enough),
		"beats come and go");
	ok(!conn_failed(c[0], NULL) && !conn_failed(c[1], NULL), "and keep both alive");
	is_int(conn_send(c[1], WIRE_RECORD, "", 0), 0, "after which one can talk");
	is_int(conn_expect(c[0], WIRE_RECORD, &f), 0, "and hear");
	conn_release(c[0], f);
	conn_close(c[0]);
	conn_close(c[1]);
}

static unsigned count_fds(unsigned *inherited)
{
	unsigned n = 0;
	int fd, flags;

	*inherited = 0;
	for (fd = 3; fd < 256; fd++) {
		flags = fcntl(fd, F_GETFD);
		n += flags >= 0;
		*inherited += flags >= 0 && !(flags & FD_CLOEXEC);
	}
	return n;
}

static void test_descriptors(void)
{
	unsigned inherited, before = count_fds(&inherited), odd = inherited;
	struct conn *c[2];

	conns_pair(c, NULL, NULL, 0);
	ok(count_fds(&inherited) > before, "a connection has descriptors");
	is_int(inherited, odd, "none of which a child would get");
	conn_close(c[0]);
	conn_close(c[1]);
	is_int(count_fds(&inherited), before, "and all are closed again");
	conn_close(NULL);
}

/* The same over two pipes, which some versions of sshd use. */
static void over_pipes(struct conn *c[2])
{
	int up[2], down[2];

	if (pipe2(up, O_CLOEXEC) < 0 || pipe2(down, O_CLOEXEC) < 0)
		abort();
	c[0] = conn_new(down[0], up[1], WIRE_CLIENT, NULL, 0);
	c[1] = conn_new(up[0], down[1], WIRE_HELPER, NULL, 0);
	if (!c[0] || !c[1])
		abort();
}

int main(void)
{
	struct conn *c[2];

	signal(SIGPIPE, SIG_IGN);
	sem_init(&aside.message, 0, 0);
	sem_init(&aside.progress, 0, 0);
	sem_init(&aside.ended, 0, 0);
	conns_pair(c, NULL, NULL, 0);
	test_frames(c, "over a socket");
	test_blocks(c);
	test_crossing(c);
	conn_close(c[0]);
	conn_close(c[1]);
	over_pipes(c);
	test_frames(c, "over pipes");
	test_blocks(c);
	conn_close(c[0]);
	conn_close(c[1]);
	test_pressure();
	test_aside();
	test_error_while_sending();
	test_beats();
	test_descriptors();
	return tap_done();
}
