/*
 * suspend: a thread that waits for SIGTSTP, which is blocked in all threads, tells the
 * connections, and then lets the signal stop the process.
 */
#include "lib/peer/suspend.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct conn **watched;
static size_t watched_count, watched_room;
static bool is_running;

static void fill_stop_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTSTP);
}

/* Stops the process as SIGTSTP does by default; returns when it goes on. */
static void stop_here(const sigset_t *set)
{
	pthread_kill(pthread_self(), SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, set, NULL);
	pthread_sigmask(SIG_BLOCK, set, NULL);
}

static void *await_stop(void *arg)
{
	sigset_t set;
	size_t i;
	int sig;

	(void)arg;
	fill_stop_set(&set);
	for (;;) {
		if (sigwait(&set, &sig) != 0)
			continue;
		pthread_mutex_lock(&lock);
		for (i = 0; i < watched_count; i++)
			conn_suspend(watched[i]);
		stop_here(&set);
		for (i = 0; i < watched_count; i++)
			conn_resume(watched[i]);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

/* Starts the thread.  The caller holds the lock. */
static int start_thread(void)
{
	sigset_t set, all, old;
	struct sigaction act;
	pthread_t thread;
	int rc;

	if (is_running || (sigaction(SIGTSTP, NULL, &act) == 0 && act.sa_handler == SIG_IGN))
		return 0;
	fill_stop_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, NULL, await_stop, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0) {
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		return err_set(ST_FAILED, "cannot start a thread: %s", strerror(rc));
	}
	pthread_detach(thread);
	is_running = true;
	return 0;
}

/* Makes room for one more.  The caller holds the lock.  0, or -1 recorded. */
static int make_room(void)
{
	size_t room = 2 * watched_room + 8;
	struct conn **more;

	if (watched_count < watched_room)
		return 0;
	more = realloc(watched, room * sizeof(*more));
	if (!more)
		return err_set(ST_FAILED, "out of memory");
	watched = more;
	watched_room = room;
	return 0;
}

int suspend_watch(struct conn *c)
{
	int r;

	pthread_mutex_lock(&lock);
	r = start_thread();
	if (r == 0)
		r = make_room();
	if (r == 0)
		watched[watched_count++] = c;
	pthread_mutex_unlock(&lock);
	return r;
}

void suspend_forget(struct conn *c)
{
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < watched_count && watched[i] != c; i++)
		;
	if (i < watched_count)
		watched[i] = watched[--watched_count];
	pthread_mutex_unlock(&lock);
}
