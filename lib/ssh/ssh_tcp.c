/*
 * The addresses are tried as in RFC 8305: the address families alternate, and the
 * next attempt starts when the last one has failed or after 250 ms, while earlier
 * ones continue.  The first attempt that connects wins.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/ssh/ssh_resolve.h"
#include "lib/ssh/ssh_tcp.h"

#define TRIES_MAX 16	/* addresses that are tried of one host */
#define STAGGER_MS 250	/* until the next address is tried as well */
#define ATTEMPT_MS 1000 /* between two ConnectionAttempts, as in ssh */

struct race {
	const struct addrinfo *address[TRIES_MAX];
	struct pollfd fd[TRIES_MAX + 1]; /* the last one is cancel_fd() */
	int count, started, failed;
	const struct addrinfo *bind; /* the addresses of BindAddress, or NULL */
	int error;		     /* the first error, that of the most preferred address */
};

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

/* Binds fd to the first address of BindAddress that has this family.  0, or -1 with errno set. */
static int race_bind(const struct race *r, int fd, int family)
{
	const struct addrinfo *a = r->bind;

	if (!a)
		return 0;
	while (a && a->ai_family != family)
		a = a->ai_next;
	if (a)
		return bind(fd, a->ai_addr, a->ai_addrlen);
	errno = EADDRNOTAVAIL;
	return -1;
}

static void race_start_next(struct race *r)
{
	int i = r->started++;
	const struct addrinfo *a = r->address[i];

	r->fd[i].events = POLLOUT;
	r->fd[i].fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd[i].fd < 0 || race_bind(r, r->fd[i].fd, a->ai_family) < 0 ||
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
static int race_run(struct race *r, struct ssh_link *l)
{
	int64_t next = io_now_ms(), now;
	int fd, wait;

	for (;;) {
		wait = deadline_wait(&l->deadline);
		now = io_now_ms();
		if (cancel_is_set() || wait == 0)
			return ssh_connect_timed_out(l);
		if (r->started < r->count && (now >= next || r->failed == r->started)) {
			race_start_next(r);
			next = now + STAGGER_MS;
			continue;
		}
		if (r->failed == r->count)
			return err_set(
				ST_PEER, "cannot connect to %s: %s", l->where, strerror(r->error));
		if (r->started < r->count && next - now < wait)
			wait = (int)(next - now);
		if (poll(r->fd, TRIES_MAX + 1, wait) < 0)
			continue;
		fd = race_winner(r);
		if (fd >= 0)
			return fd;
	}
}

/* 127.0.0.0/8 and ::1, also as an IPv4 address in IPv6, as OpenSSH has it. */
static bool is_loopback(int fd)
{
	struct sockaddr_storage a;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a;
	socklen_t len = sizeof(a);

	if (getpeername(fd, (struct sockaddr *)&a, &len) < 0)
		return false;
	if (a.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return a.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* Tries all addresses once.  0, or -1 with an error recorded. */
static int connect_once(
	struct ssh_link *l, const struct addrinfo *list, const struct addrinfo *bind_list)
{
	struct race r = { .bind = bind_list };
	int i, on = 1;

	set_addresses(&r, list);
	for (i = 0; i < TRIES_MAX; i++)
		r.fd[i].fd = -1;
	r.fd[TRIES_MAX].fd = cancel_fd();
	r.fd[TRIES_MAX].events = POLLIN;
	l->fd = race_run(&r, l);
	for (i = 0; i < r.started; i++)
		if (r.fd[i].fd >= 0)
			close(r.fd[i].fd);
	if (l->fd < 0)
		return -1;
	l->is_loopback = is_loopback(l->fd);
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return 0;
}

/* Waits until the next attempt; the deadline of the login ends it, too. */
static void wait_for_attempt(struct ssh_link *l)
{
	struct pollfd p = { .fd = cancel_fd(), .events = POLLIN };
	int64_t until = io_now_ms() + ATTEMPT_MS, left;

	while (!cancel_is_set() && deadline_wait(&l->deadline) > 0 &&
		(left = until - io_now_ms()) > 0)
		poll(&p, 1, (int)left);
}

int ssh_tcp_connect(struct ssh_link *l, const struct ssh_config *c)
{
	struct addrinfo *list = NULL, *bind_list = NULL;
	char port[8];
	int try, rc = -1;

	snprintf(port, sizeof(port), "%u", c->port);
	if (ssh_resolve(l, c->hostname, port, c->family, &list) < 0 ||
		(c->bind_address &&
			ssh_resolve(l, c->bind_address, NULL, c->family, &bind_list) < 0))
		goto out;
	for (try = 1; rc < 0; try++) {
		rc = connect_once(l, list, bind_list);
		if (rc == 0 || try >= c->connection_attempts || cancel_is_set() ||
			deadline_left(&l->deadline) == 0)
			break;
		log_info(
			"%s; trying again (%d of %d)", err_text(), try + 1, c->connection_attempts);
		wait_for_attempt(l);
	}
out:
	ssh_resolve_free(list);
	ssh_resolve_free(bind_list);
	return rc;
}
