/*
 * ssh_resolve: the question belongs to both threads; the last one that lets go of it
 * frees it.
 */
#include "lib/ssh/ssh_resolve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"

struct question {
	atomic_int owners;
	int done; /* an eventfd: readable when is_answered is set */
	atomic_bool is_answered;
	char *name, *port;
	int family;

	/* the answer */
	int rc, sys;
	struct addrinfo *list;
};

void ssh_resolve_free(struct addrinfo *list)
{
	if (list)
		freeaddrinfo(list);
}

static void question_drop(struct question *q)
{
	if (atomic_fetch_sub(&q->owners, 1) > 1)
		return;
	ssh_resolve_free(q->list);
	if (q->done >= 0)
		close(q->done);
	free(q->name);
	free(q->port);
	free(q);
}

static void *look_up(void *arg)
{
	struct question *q = arg;
	struct addrinfo hints = { .ai_family = q->family, .ai_socktype = SOCK_STREAM };

	q->rc = getaddrinfo(q->name, q->port, &hints, &q->list);
	q->sys = errno;
	atomic_store(&q->is_answered, true);
	eventfd_write(q->done, 1);
	question_drop(q);
	return NULL;
}

static struct question *question_ask(const char *name, const char *port, int family)
{
	struct question *q = calloc(1, sizeof(*q));
	sigset_t all, old;
	pthread_t thread;
	int rc;

	if (!q) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	q->owners = 1;
	q->family = family;
	q->name = strdup(name);
	q->port = port ? strdup(port) : NULL;
	q->done = eventfd(0, EFD_CLOEXEC);
	if (!q->name || (port && !q->port) || q->done < 0) {
		question_drop(q);
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	atomic_store(&q->owners, 2);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, NULL, look_up, q);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0) {
		pthread_detach(thread);
		return q;
	}
	atomic_store(&q->owners, 1);
	question_drop(q);
	err_set(ST_FAILED, "cannot start a thread: %s", strerror(rc));
	return NULL;
}

/* 0, or -1 recorded: the time is up, or cancel is set. */
static int question_wait(struct question *q, struct ssh_link *l)
{
	struct pollfd p[2] = { { q->done, POLLIN, 0 }, { cancel_fd(), POLLIN, 0 } };

	while (!atomic_load(&q->is_answered)) {
		int wait = deadline_wait(&l->deadline);

		if (wait == 0 || cancel_is_set())
			return ssh_connect_timed_out(l);
		poll(p, 2, wait);
	}
	return 0;
}

int ssh_resolve(
	struct ssh_link *l, const char *name, const char *port, int family, struct addrinfo **list)
{
	struct question *q = question_ask(name, port, family);
	int rc = -1;

	if (!q)
		return -1;
	if (question_wait(q, l) == 0) {
		rc = q->rc;
		*list = q->list;
		q->list = NULL;
		if (rc != 0)
			rc = err_set(ST_PEER, "cannot connect to %s: could not resolve %s: %s",
				l->where, port ? "hostname" : "the BindAddress",
				rc == EAI_SYSTEM ? strerror(q->sys) : gai_strerror(rc));
	}
	question_drop(q);
	return rc;
}
