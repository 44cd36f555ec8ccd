/* inlet, on a file and a pipe: peeking, reading, stopping. */
#include <fcntl.h>

#include "lib/base/cancel.h"
#include "lib/flow/inlet.h"
#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

#define STREAM_HEAD 512
#define LEN (3u * INLET_BUFFER + 1234)

static uint8_t text[LEN];

struct feeder {
	int fd;
	size_t n, step;
};

static void *feed(void *arg)
{
	struct feeder *f = arg;
	size_t at, n;

	for (at = 0; at < f->n; at += n) {
		n = f->n - at < f->step ? f->n - at : f->step;
		if (io_write(f->fd, text + at, n) < 0)
			break;
	}
	close(f->fd);
	return NULL;
}

static void make_pipe(int fd[2])
{
	if (pipe2(fd, O_CLOEXEC) < 0)
		abort();
}

/* Peeks, skips and reads with many sizes, to the end.  Returns how many bytes were right. */
static size_t take(struct inlet *in, size_t from)
{
	static uint8_t piece[INLET_BUFFER + 5000];
	const uint8_t *p;
	size_t at = from, turn = 0, want, k;
	ssize_t n;

	do {
		want = 1 + (turn * 7919) % (turn % 5 ? 300 : INLET_BUFFER);
		n = inlet_peek(in, want, &p);
		if (n < 0 || ((size_t)n < want && at + (size_t)n != LEN) ||
			memcmp(p, text + at, (size_t)n) != 0)
			return at;
		k = (size_t)n / 2;
		inlet_skip(in, k);
		at += k;
		want = turn % 11 == 10 ? sizeof(piece) : 1 + (turn * 104729) % 5000;
		n = inlet_read(in, piece, want);
		if (n < 0 || ((size_t)n < want && at + (size_t)n != LEN) ||
			memcmp(piece, text + at, (size_t)n) != 0)
			return at;
		at += (size_t)n;
		turn++;
	} while (n > 0);
	return at;
}

static void test_take(size_t step, size_t head)
{
	struct feeder f = { .n = LEN, .step = step };
	struct inlet in;
	uint8_t byte, first[STREAM_HEAD];
	int fd[2];
	pthread_t t;

	make_pipe(fd);
	f.fd = fd[1];
	t = conns_start(feed, &f);
	if (head && io_read(fd[0], first, head) != (ssize_t)head)
		abort();
	is_int(inlet_init(&in, fd[0], first, head), 0, "an inlet on a pipe");
	is_int(take(&in, 0), LEN, head ? "returns all bytes, the head first" : "returns all bytes");
	is_int(inlet_read(&in, &byte, 1), 0, "and then the end");
	inlet_fini(&in);
	inlet_fini(&in);
	conns_join(t);
	close(fd[0]);
}

static void test_peek(void)
{
	struct inlet in;
	const uint8_t *p;
	int fd[2];

	make_pipe(fd);
	if (io_write(fd[1], text, 10) < 0 || inlet_init(&in, fd[0], NULL, 0) < 0)
		abort();
	is_int(inlet_peek(&in, 4, &p), 4, "a peek waits for no more than it wants");
	is_int(inlet_peek(&in, 10, &p), 10, "another peek returns more");
	ok(memcmp(p, text, 10) == 0, "of the same bytes");
	close(fd[1]);
	is_int(inlet_peek(&in, 11, &p), 10, "but not more than there is");
	is_int(inlet_peek(&in, INLET_BUFFER, &p), 10, "however much it asks for");
	inlet_fini(&in);
	close(fd[0]);
	fd[0] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (inlet_init(&in, fd[0], NULL, 0) < 0)
		abort();
	is_int(inlet_peek(&in, 1, &p), -1, "a read error is an error");
	inlet_fini(&in);
	close(fd[0]);
}

static void *read_one(void *arg)
{
	uint8_t byte;

	return (void *)(intptr_t)(inlet_read(arg, &byte, 1) < 0 ? (int)err_status() : 99);
}

static void test_stop(void)
{
	struct inlet in;
	uint8_t byte;
	int fd[2];
	pthread_t t;

	make_pipe(fd);
	if (inlet_init(&in, fd[0], NULL, 0) < 0)
		abort();
	t = conns_start(read_one, &in);
	inlet_stop(&in);
	inlet_stop(&in);
	is_int((intptr_t)conns_join(t), ST_FAILED, "inlet_stop() wakes a waiting reader");
	if (io_write(fd[1], "x", 1) < 0)
		abort();
	is_int(inlet_read(&in, &byte, 1), -1, "which then stays stopped");
	inlet_fini(&in);
	close(fd[0]);
	close(fd[1]);
}

static int cancelled(void)
{
	struct inlet in;
	int fd[2];
	pthread_t t;

	make_pipe(fd);
	if (cancel_init() < 0 || inlet_init(&in, fd[0], NULL, 0) < 0)
		return 1;
	t = conns_start(read_one, &in);
	cancel_set();
	if ((intptr_t)conns_join(t) != ST_FAILED)
		return 2;
	inlet_fini(&in);
	return 0;
}

int main(void)
{
	is_int(conns_child(cancelled), 0, "a cancel wakes a reader");
	conns_fill(text, LEN, 1, false);
	test_take(65536, 0);
	test_take(777, 0);
	test_take(65536, STREAM_HEAD);
	test_peek();
	test_stop();
	return tap_done();
}
