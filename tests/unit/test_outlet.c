/* outlet, to a target, a file, and a pipe whose reader is slow or ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "lib/base/cancel.h"
#include "lib/flow/outlet.h"
#include "tests/unit/conns.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define LEN (3u * OUTLET_BUFFER + 1234)

static uint8_t text[LEN];

/* Writes the text in pieces of many sizes, and zeros in two places. */
static int put_all(struct outlet *o)
{
	static const size_t size[] = { 1, 12, 100000, OUTLET_BUFFER, 5, OUTLET_BUFFER - 5, 9,
		30000 };
	size_t at, n, i = 0;

	for (at = 0; at < LEN; at += n) {
		n = size[i % 8] < LEN - at ? size[i % 8] : LEN - at;
		if (outlet_write(o, text + at, n) < 0)
			return -1;
		if (++i == 4 && outlet_zeros(o, 10) < 0)
			return -1;
	}
	return outlet_zeros(o, OUTLET_BUFFER * 2 + 1) < 0 ? -1 : outlet_flush(o);
}

static void expect_file(const char *name)
{
	static const size_t zeros_at = 1 + 12 + 100000 + OUTLET_BUFFER;
	FILE *f = fopen("want", "wb");
	static const uint8_t zero[OUTLET_BUFFER * 2 + 1];

	if (!f || fwrite(text, 1, zeros_at, f) != zeros_at || fwrite(zero, 1, 10, f) != 10 ||
		fwrite(text + zeros_at, 1, LEN - zeros_at, f) != LEN - zeros_at ||
		fwrite(zero, 1, sizeof(zero), f) != sizeof(zero) || fclose(f) != 0)
		abort();
	is_int(scratch_run("cmp want '%s'", name), 0, "has the bytes that were written");
}

static void test_file(void)
{
	struct target_want want = { .len = TARGET_LEN_UNKNOWN };
	struct outlet o;
	struct target *t;
	int fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	is_int(outlet_init(&o, NULL, fd), 0, "an outlet to a file");
	is_int(put_all(&o), 0, "takes all");
	is_int(o.off, LEN + 10 + OUTLET_BUFFER * 2 + 1, "and counts the bytes");
	outlet_fini(&o);
	outlet_fini(&o);
	close(fd);
	expect_file("file");
	t = places_make("made", &want);
	if (!ok(t && outlet_init(&o, t, -1) == 0, "an outlet to a target"))
		return;
	is_int(put_all(&o), 0, "takes all");
	outlet_fini(&o);
	is_int(target_commit(t), 0, "the target is committed");
	expect_file("made");
	fd = open("file", O_RDONLY | O_CLOEXEC);
	if (outlet_init(&o, NULL, fd) < 0)
		abort();
	is_int(outlet_write(&o, "x", 1), 0, "what is only in the buffer");
	is_int(outlet_flush(&o), -1, "may fail when it is flushed");
	outlet_fini(&o);
	close(fd);
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (outlet_init(&o, NULL, fd) < 0)
		abort();
	is_int(put_all(&o), -1, "without free space");
	is_int(err_status(), ST_NOROOM, "is ST_NOROOM");
	outlet_fini(&o);
	close(fd);
}

static void *copy(void *arg)
{
	int *fd = arg, to = open("piped", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	uint8_t piece[1000];
	ssize_t n;

	while ((n = read(fd[0], piece, sizeof(piece))) > 0)
		if (io_write(to, piece, (size_t)n) < 0)
			abort();
	close(to);
	return NULL;
}

static void test_pipe(bool socket)
{
	struct outlet o;
	int fd[2];
	pthread_t t;

	if (socket)
		conns_socket(fd);
	else if (pipe2(fd, O_CLOEXEC) < 0)
		abort();
	t = conns_start(copy, fd);
	if (outlet_init(&o, NULL, fd[1]) < 0)
		abort();
	is_int(put_all(&o), 0, socket ? "a slow socket gets all" : "a slow pipe gets all");
	close(fd[1]);
	conns_join(t);
	expect_file("piped");
	close(fd[0]);
	outlet_fini(&o);
	if (pipe2(fd, O_CLOEXEC) < 0 || outlet_init(&o, NULL, fd[1]) < 0)
		abort();
	close(fd[0]);
	is_int(put_all(&o), -1, "a pipe that nobody reads any more");
	is_int(err_errno(), EPIPE, "is EPIPE");
	outlet_fini(&o);
	close(fd[1]);
}

struct writer {
	struct outlet o;
	int result;
};

static void *put(void *arg)
{
	struct writer *w = arg;

	w->result = put_all(&w->o) < 0 ? (int)err_status() : 0;
	return NULL;
}

/* Runs in a process of its own: the pipe is full, and nobody reads it. */
static int cancelled(void)
{
	struct writer w = { .result = 0 };
	uint8_t page[4096];
	int fd[2], n;
	pthread_t t;

	if (cancel_init() < 0 || pipe2(fd, O_CLOEXEC) < 0 || outlet_init(&w.o, NULL, fd[1]) < 0)
		return 1;
	t = conns_start(put, &w);
	if (!conns_wait(ioctl(fd[0], FIONREAD, &n) == 0 && n >= 65536))
		return 2;
	/* There is space for a page, but not for all that is written. */
	if (io_read(fd[0], page, sizeof(page)) != (ssize_t)sizeof(page))
		return 3;
	if (!conns_wait(ioctl(fd[0], FIONREAD, &n) == 0 && n >= 65536))
		return 4;
	cancel_set();
	conns_join(t);
	outlet_fini(&w.o);
	return w.result == ST_FAILED && fcntl(fd[1], F_GETFL) == O_WRONLY ? 0 : 5;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	is_int(conns_child(cancelled), 0, "a cancel wakes a writer, whose pipe is left as it was");
	scratch_open();
	conns_fill(text, LEN, 1, false);
	test_file();
	test_pipe(false);
	test_pipe(true);
	scratch_close(tap_failed);
	return tap_done();
}
