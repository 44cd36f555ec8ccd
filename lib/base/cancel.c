/*
 * An eventfd that is written and never read stays readable.
 * The flags are lock-free atomics: they are set in signal handlers and read
 * by all threads.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"

static const int caught[] = { SIGINT, SIGTERM, SIGHUP };

#define AGAIN_MS 1000 /* signals closer together count as one */
#define CAUGHT (sizeof(caught) / sizeof(*caught))

static atomic_int event_fd = -1;
static atomic_int is_set;
static atomic_int by_signal;
static atomic_int is_impatient;
static _Atomic int64_t first_ms; /* time of the first signal */
static bool pipe_was_ignored;

int cancel_init(void)
{
	int fd;

	if (atomic_load(&event_fd) >= 0)
		return 0;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return err_set(ST_FAILED, "cannot create an eventfd: %s", strerror(errno));
	atomic_store(&event_fd, fd);
	if (cancel_is_set())
		cancel_set();
	return 0;
}

void cancel_set(void)
{
	const uint64_t one = 1;
	int saved = errno;
	ssize_t ignored;

	atomic_store(&is_set, 1);
	ignored = write(atomic_load(&event_fd), &one, sizeof(one));
	(void)ignored; /* if the counter is full, it is readable already */
	errno = saved;
}

bool cancel_is_set(void)
{
	return atomic_load(&is_set);
}

int cancel_check(void)
{
	return cancel_is_set() ? err_set(ST_FAILED, "interrupted") : 0;
}

/* A thread that lets signals through again takes those that are pending for any thread. */
bool cancel_is_set_by_now(void)
{
	sigset_t set, old;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < CAUGHT; i++)
		sigaddset(&set, caught[i]);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return cancel_is_set();
}

int cancel_signal(void)
{
	return atomic_load(&by_signal);
}

int cancel_fd(void)
{
	return atomic_load(&event_fd);
}

/* timeout(1) and some other programs send a signal twice in a row. */
static void on_signal(int sig)
{
	int64_t now = io_now_ms(), zero = 0;
	int none = 0;

	atomic_compare_exchange_strong(&by_signal, &none, sig);
	cancel_set();
	if (!atomic_compare_exchange_strong(&first_ms, &zero, now) && atomic_load(&is_impatient) &&
		now - zero > AGAIN_MS)
		cancel_die();
}

void cancel_at_once_if_again(void)
{
	atomic_store(&is_impatient, 1);
}

void cancel_on_signals(void)
{
	struct sigaction act, old;
	size_t i;

	memset(&act, 0, sizeof(act));
	sigemptyset(&act.sa_mask);
	for (i = 0; i < CAUGHT; i++)
		sigaddset(&act.sa_mask, caught[i]);
	act.sa_handler = on_signal; /* no SA_RESTART: a signal must interrupt blocking calls */
	for (i = 0; i < CAUGHT; i++)
		if (sigaction(caught[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(caught[i], &act, NULL);
	act.sa_handler = SIG_IGN;
	if (sigaction(SIGPIPE, &act, &old) == 0)
		pipe_was_ignored = old.sa_handler == SIG_IGN;
}

void cancel_on_broken_pipe(void)
{
	int none = 0;

	if (pipe_was_ignored)
		return;
	atomic_compare_exchange_strong(&by_signal, &none, SIGPIPE);
	cancel_set();
}

void cancel_die(void)
{
	int sig = cancel_signal();
	sigset_t set;

	if (!sig)
		return;
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	_exit(128 + sig); /* process 1 of a container survives the signal */
}
