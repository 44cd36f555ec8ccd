/*
 * A process cannot undo its cancelling, so each case runs in a process of its own,
 * whose status says what went wrong.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "tests/unit/tap.h"

static int readable(int timeout_ms)
{
	struct pollfd p = { .fd = cancel_fd(), .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static int in_process(int (*body)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		exit(body());
	waitpid(pid, &status, 0);
	return status;
}

static int plain(void)
{
	if (cancel_init() || cancel_init())
		return 1;
	if (cancel_is_set() || readable(0))
		return 2;
	cancel_set();
	cancel_set();
	if (!cancel_is_set() || !readable(0) || !readable(0))
		return 3;
	cancel_die();
	return cancel_signal();
}

static int set_before_init(void)
{
	cancel_set();
	return cancel_init() || !cancel_is_set() || !readable(0);
}

static void *wait_readable(void *arg)
{
	return readable(60000) ? arg : NULL;
}

static int by_thread(void)
{
	void *rc = NULL;
	int woken = 1;
	pthread_t t;

	if (cancel_init() || pthread_create(&t, NULL, wait_readable, &woken))
		return 1;
	cancel_set();
	pthread_join(t, &rc);
	return rc == NULL;
}

static int by_signal(void)
{
	if (cancel_init())
		return 1;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	cancel_on_signals();
	raise(SIGTERM);
	raise(SIGINT);
	if (!cancel_is_set() || !readable(0))
		return 2;
	if (cancel_signal() != SIGTERM)
		return 3;
	cancel_die();
	return 4;
}

/* A signal to the process that no thread has taken yet; and the mask is as before. */
static int pending(void)
{
	sigset_t set;

	signal(SIGINT, SIG_DFL);
	if (cancel_init())
		return 1;
	cancel_on_signals();
	if (cancel_is_set_by_now() || cancel_check() < 0)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGINT);
	if (cancel_is_set())
		return 3;
	if (!cancel_is_set_by_now() || cancel_signal() != SIGINT || cancel_check() != -1)
		return 4;
	sigprocmask(SIG_BLOCK, NULL, &set);
	return !sigismember(&set, SIGINT) || sigismember(&set, SIGTERM);
}

/* As with the signal blocked in all threads. */
static int dies_though_blocked(void)
{
	sigset_t set;

	signal(SIGINT, SIG_DFL);
	if (cancel_init())
		return 1;
	cancel_on_signals();
	raise(SIGINT);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	cancel_die();
	return 2;
}

/* A second signal directly after the first one does not count. */
static int dies_at_once(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (cancel_init())
		return 1;
	cancel_on_signals();
	cancel_at_once_if_again();
	raise(SIGTERM);
	raise(SIGTERM);
	if (cancel_signal() != SIGTERM)
		return 2;
	while (poll(NULL, 0, 1100) < 0)
		;
	raise(SIGINT);
	return 3;
}

static int waits(void)
{
	signal(SIGINT, SIG_DFL);
	if (cancel_init())
		return 1;
	cancel_on_signals();
	raise(SIGINT);
	while (poll(NULL, 0, 1100) < 0)
		;
	raise(SIGINT);
	return 0;
}

static int ignored_stays_ignored(void)
{
	signal(SIGHUP, SIG_IGN);
	if (cancel_init())
		return 1;
	cancel_on_signals();
	raise(SIGHUP);
	raise(SIGPIPE);
	return cancel_is_set() || readable(0);
}

static int no_restart(void)
{
	struct sigaction act;

	signal(SIGINT, SIG_DFL);
	cancel_on_signals();
	return sigaction(SIGINT, NULL, &act) || (act.sa_flags & SA_RESTART);
}

int main(void)
{
	int status;

	is_int(in_process(plain), 0, "set once, readable for ever, no signal");
	is_int(in_process(set_before_init), 0, "set before cancel_init()");
	is_int(in_process(by_thread), 0, "wakes another thread");
	status = in_process(by_signal);
	ok(WIFSIGNALED(status), "a signal cancels, and cancel_die() ends the process");
	is_int(WTERMSIG(status), SIGTERM, "of the first one");
	is_int(in_process(pending), 0, "a signal that waits for a thread counts by now");
	status = in_process(dies_though_blocked);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT, "also with signals blocked");
	status = in_process(dies_at_once);
	ok(WIFSIGNALED(status), "a second signal, later, kills it at once");
	is_int(WTERMSIG(status), SIGTERM, "and it dies of the first one");
	is_int(in_process(waits), 0, "unless it has to clean up itself");
	is_int(in_process(ignored_stays_ignored), 0, "HUP ignored at start and PIPE are ignored");
	is_int(in_process(no_restart), 0, "blocking calls are interrupted");
	return tap_done();
}
