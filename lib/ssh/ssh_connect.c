/*
 * The addresses are tried as in RFC 8305: the address families alternate, and the
 * next attempt starts when the last one has failed or after 250 ms, while earlier
 * ones continue.  The first attempt that connects wins.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/ssh/ssh_connect.h"

#define TRIES_MAX 16   /* addresses that are tried of one host */
#define STAGGER_MS 250 /* until the next address is tried as well */
#define PROXY_GRACE_MS 500

struct race {
	const struct addrinfo *address[TRIES_MAX];
	struct pollfd fd[TRIES_MAX + 1]; /* the last one is cancel_fd() */
	int count, started, failed;
	int error; /* the first error, that of the most preferred address */
};

static int record_time_out(const struct ssh_link *l)
{
	return err_set(ST_PEER, "cannot connect to %s: connection timed out after %d s", l->where,
		l->timeout_s);
}

static int record_interrupted(void)
{
	return err_set(ST_PEER, "interrupted");
}

/* Takes addresses of the list's first family and of others in turn. */
static void set_addresses(struct race *r, const struct addrinfo *list)
{
	const struct addrinfo *same = list, *other = list;
	int family = list->ai_family;

	while (r->count < TRIES_MAX && (same || other)) {
		while (same && same->ai_family != family)
			same = same->ai_next;
		if (same) {
			r->address[r->count++] = same;
			same = same->ai_next;
		}
		while (other && other->ai_family == family)
			other = other->ai_next;
		if (other && r->count < TRIES_MAX) {
			r->address[r->count++] = other;
			other = other->ai_next;
		}
	}
}

static void race_fail(struct race *r, int i, int error)
{
	if (r->fd[i].fd >= 0)
		close(r->fd[i].fd);
	r->fd[i].fd = -1;
	r->failed++;
	if (!r->error)
		r->error = error;
}

static void race_start_next(struct race *r)
{
	int i = r->started++;
	const struct addrinfo *a = r->address[i];

	r->fd[i].events = POLLOUT;
	r->fd[i].fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd[i].fd < 0 ||
		(connect(r->fd[i].fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS))
		race_fail(r, i, errno);
}

/* The socket that has connected, or -1 if none has. */
static int race_winner(struct race *r)
{
	int i, error, fd;
	socklen_t len = sizeof(error);

	for (i = 0; i < r->started; i++) {
		fd = r->fd[i].fd;
		if (fd < 0 || !r->fd[i].revents)
			continue;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			error = errno;
		if (error) {
			race_fail(r, i, error);
			continue;
		}
		r->fd[i].fd = -1;
		return fd;
	}
	return -1;
}

/* Tries all addresses.  The connected socket, or -1 with an error recorded. */
static int race_run(struct race *r, const struct ssh_link *l)
{
	int64_t next = io_now_ms();
	int fd;

	for (;;) {
		int64_t now = io_now_ms(), until = l->deadline;

		if (cancel_is_set())
			return record_interrupted();
		if (now >= l->deadline)
			return record_time_out(l);
		if (r->started < r->count && (now >= next || r->failed == r->started)) {
			race_start_next(r);
			next = now + STAGGER_MS;
			continue;
		}
		if (r->failed == r->count)
			return err_set(
				ST_PEER, "cannot connect to %s: %s", l->where, strerror(r->error));
		if (r->started < r->count && next < until)
			until = next;
		if (poll(r->fd, TRIES_MAX + 1, (int)(until - now)) < 0)
			continue;
		fd = race_winner(r);
		if (fd >= 0)
			return fd;
	}
}

static int connect_tcp(struct ssh_link *l, const struct ssh_config *c)
{
	struct addrinfo hints = { .ai_family = c->family, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	struct race r = { .count = 0 };
	int i, rc, on = 1;
	char port[8];

	snprintf(port, sizeof(port), "%u", c->port);
	rc = getaddrinfo(c->hostname, port, &hints, &list);
	if (rc != 0)
		return err_set(ST_PEER, "cannot connect to %s: could not resolve hostname: %s",
			l->where, rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	set_addresses(&r, list);
	for (i = 0; i < TRIES_MAX; i++)
		r.fd[i].fd = -1;
	r.fd[TRIES_MAX].fd = cancel_fd();
	r.fd[TRIES_MAX].events = POLLIN;
	l->fd = race_run(&r, l);
	for (i = 0; i < r.started; i++)
		if (r.fd[i].fd >= 0)
			close(r.fd[i].fd);
	freeaddrinfo(list);
	if (l->fd < 0)
		return -1;
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return 0;
}

/* Starts the ProxyCommand on one end of a socket pair.  0, or -1 with an error recorded. */
static int start_proxy(struct ssh_link *l, const char *command)
{
	const char *shell = getenv("SHELL");
	const char *argv[] = { shell && *shell ? shell : "/bin/sh", "-c", NULL, NULL };
	int pair[2] = { -1, -1 }, errors = -1;
	char *exec = NULL;

	if (asprintf(&exec, "exec %s", command) < 0)
		return err_set(ST_FAILED, "out of memory");
	argv[2] = exec;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		err_set(ST_PEER, "cannot connect to %s: %s", l->where, strerror(errno));
	else if ((l->proxy_errors = child_errors_open(NULL, &errors)))
		l->proxy = child_start_errors(argv, pair[1], pair[1], errors);
	free(exec);
	if (errors >= 0)
		close(errors);
	if (pair[1] >= 0)
		close(pair[1]);
	l->fd = pair[0];
	return l->proxy < 0 ? -1 : 0;
}

int ssh_connect_open(struct ssh_link *l, const struct ssh_config *c, int timeout_s)
{
	l->timeout_s = timeout_s;
	l->deadline = io_now_ms() + (int64_t)timeout_s * 1000;
	if (strcmp(c->host, c->hostname) == 0)
		snprintf(l->where, sizeof(l->where), "'%s' port %u", c->host, c->port);
	else
		snprintf(l->where, sizeof(l->where), "'%s' (%s port %u)", c->host, c->hostname,
			c->port);
	return c->proxy_command ? start_proxy(l, c->proxy_command) : connect_tcp(l, c);
}

int ssh_connect_wait(struct ssh_link *l)
{
	int flags = ssh_get_poll_flags(l->session);
	struct pollfd p[2] = { { .fd = l->fd, .events = POLLIN },
		{ .fd = cancel_fd(), .events = POLLIN } };
	int64_t left = l->deadline - io_now_ms();

	if (!ssh_is_connected(l->session)) /* libssh keeps returning SSH_AGAIN then */
		return err_set(ST_PEER, "%s", ssh_get_error(l->session));
	if (flags & SSH_WRITE_PENDING)
		p[0].events |= POLLOUT;
	if (left > 0 && !cancel_is_set() && poll(p, 2, (int)left) < 0 && errno != EINTR)
		return err_set(ST_PEER, "cannot wait for %s: %s", l->where, strerror(errno));
	if (cancel_is_set())
		return record_interrupted();
	return l->deadline > io_now_ms() ? 0 : record_time_out(l);
}

static void end_proxy(struct ssh_link *l)
{
	int status;

	if (child_wait(l->proxy, PROXY_GRACE_MS, &status) == 0) {
		kill(l->proxy, SIGTERM);
		if (child_wait(l->proxy, PROXY_GRACE_MS, &status) == 0) {
			kill(l->proxy, SIGKILL);
			child_wait(l->proxy, -1, &status);
		}
	}
	l->proxy = -1;
}

void ssh_connect_close(struct ssh_link *l)
{
	int fd;

	if (l->session) {
		/* libssh closes a socket that it was given only after a failure */
		fd = ssh_get_fd(l->session);
		ssh_disconnect(l->session);
		if (fd >= 0)
			close(fd);
		ssh_free(l->session);
		l->session = NULL;
	}
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	if (l->proxy >= 0)
		end_proxy(l);
	child_errors_close(l->proxy_errors);
	l->proxy_errors = NULL;
}
