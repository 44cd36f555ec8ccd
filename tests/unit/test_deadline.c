/* A limit in time, and a process that is stopped. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/deadline.h"
#include "lib/base/io.h"
#include "tests/unit/tap.h"

static void pause_ms(int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* Waits for a deadline of that time, and says so to fd; returns how long it took. */
static int64_t wait_all(int ms, int fd)
{
	int64_t began = io_now_ms();
	struct deadline d;
	int wait;

	deadline_set(&d, ms);
	if (fd >= 0 && io_write(fd, "x", 1) < 0)
		abort();
	while ((wait = deadline_wait(&d)) > 0)
		pause_ms(wait);
	return io_now_ms() - began;
}

static void test_simple(void)
{
	struct deadline d;
	int64_t took = wait_all(1500, -1), start;

	ok(took >= 1500 && took < 1500 + DEADLINE_STOPPED_MS, "a deadline");
	deadline_set(&d, 0);
	is_int(deadline_wait(&d), DEADLINE_TICK_MS, "none");
	is_int(deadline_left(&d), -1, "never ends");
	deadline_set(&d, 100000);
	ok(deadline_wait(&d) <= DEADLINE_TICK_MS, "a wait is short");
	start = io_now_ms() - 50000;
	deadline_exclude(&d, start);
	ok(deadline_left(&d) > 140000, "time that does not count");
}

/* A process that is stopped for longer than its deadline, seen from outside. */
static void test_stopped(void)
{
	int64_t began = io_now_ms();
	int status = -1, pipes[2];
	char c;
	pid_t pid;

	if (pipe(pipes) < 0)
		abort();
	pid = fork();
	if (pid == 0)
		_exit(wait_all(2000, pipes[1]) >= DEADLINE_STOPPED_MS + 2000 ? 0 : 1);
	is_int(io_read(pipes[0], &c, 1), 1, "a process waits");
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	pause_ms(DEADLINE_STOPPED_MS + 500);
	kill(pid, SIGCONT);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a stop does not count");
	ok(io_now_ms() - began >= DEADLINE_STOPPED_MS + 2000, "so it took longer");
}

int main(void)
{
	test_simple();
	test_stopped();
	return tap_done();
}
