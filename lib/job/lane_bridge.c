/*
 * lane_bridge: see lane_bridge.h.
 */
#include "lib/job/lane_bridge.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/err.h"

#define PIECE (512u << 10)

/* Bytes that were read from one socket, and are to be written to the other. */
struct direction {
	int from, to;
	uint8_t *bytes; /* PIECE of them; those from `at` up to `len` are left */
	size_t at, len;
	bool has_ended; /* nothing more can be read */
	bool is_lost;	/* nothing more can be written, so nothing is read any more, either */
};

struct lane_bridge {
	struct direction way[2];
	int quit; /* eventfd */
	pthread_t thread;
};

static bool may_come_again(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Does what can be done without blocking. */
static void move_some(struct direction *d)
{
	ssize_t n;

	if (d->has_ended || d->is_lost)
		return;
	if (d->at == d->len) {
		n = recv(d->from, d->bytes, PIECE, MSG_DONTWAIT);
		if (may_come_again(n))
			return;
		d->has_ended = n <= 0;
		d->at = 0;
		d->len = n > 0 ? (size_t)n : 0;
		if (d->has_ended)
			shutdown(d->to, SHUT_WR);
	}
	while (d->at < d->len) {
		n = send(d->to, d->bytes + d->at, d->len - d->at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (may_come_again(n))
			return;
		if (n <= 0) {
			d->is_lost = true;
			d->at = d->len;
			return;
		}
		d->at += (size_t)n;
	}
}

static short events_of(const struct lane_bridge *b, int socket)
{
	const struct direction *out = &b->way[socket], *in = &b->way[!socket];
	short events = 0;

	if (!out->has_ended && !out->is_lost && out->at == out->len)
		events |= POLLIN;
	if (in->at < in->len)
		events |= POLLOUT;
	return events;
}

/*
 * The lane ends when one direction does: blocks go in one only.  An end that is gone does not read
 * BEATs any more, but what it has sent before is passed on, up to its end.
 */
static bool goes_on(const struct lane_bridge *b)
{
	const struct direction *up = &b->way[0], *down = &b->way[1];

	return !up->has_ended && !down->has_ended && !(up->is_lost && down->is_lost);
}

static void *run_bridge(void *arg)
{
	struct lane_bridge *b = arg;
	struct pollfd p[3] = { [2] = { b->quit, POLLIN, 0 } };
	int i;

	while (goes_on(b) && !p[2].revents) {
		for (i = 0; i < 2; i++) {
			p[i].events = events_of(b, i);
			/* Else a socket that has hung up would wake it all the time. */
			p[i].fd = p[i].events ? b->way[i].from : -1;
		}
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			break;
		for (i = 0; i < 2; i++)
			move_some(&b->way[i]);
	}
	for (i = 0; i < 2; i++)
		shutdown(b->way[i].from, SHUT_RDWR);
	return NULL;
}

/* Keeps the recorded error. */
static void free_bridge(struct lane_bridge *b)
{
	int i;

	for (i = 0; i < 2; i++) {
		close(b->way[i].from);
		free(b->way[i].bytes);
	}
	if (b->quit >= 0)
		close(b->quit);
	free(b);
}

struct lane_bridge *lane_bridge_start(int one, int other)
{
	struct lane_bridge *b = calloc(1, sizeof(*b));
	sigset_t all, old;
	int i, rc = ENOMEM;

	if (!b) {
		close(one);
		close(other);
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	b->way[0] = (struct direction){ .from = one, .to = other };
	b->way[1] = (struct direction){ .from = other, .to = one };
	for (i = 0; i < 2; i++)
		b->way[i].bytes = malloc(PIECE);
	b->quit = eventfd(0, EFD_CLOEXEC);
	if (b->quit >= 0 && b->way[0].bytes && b->way[1].bytes) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		rc = pthread_create(&b->thread, NULL, run_bridge, b);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (rc == 0)
		return b;
	free_bridge(b);
	err_set(ST_FAILED, "cannot start a thread for a data lane: %s", strerror(rc));
	return NULL;
}

void lane_bridge_end(struct lane_bridge *b)
{
	const uint64_t one = 1;

	if (!b)
		return;
	if (write(b->quit, &one, sizeof(one)) < 0)
		abort(); /* an eventfd that holds less than its maximum cannot fail */
	pthread_join(b->thread, NULL);
	free_bridge(b);
}
