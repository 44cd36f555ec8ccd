/*
 * ssh_connect: the connection before the pump takes it over, and its ProxyCommand.
 */
#include <errno.h>
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
#include "lib/ssh/ssh_connect.h"
#include "lib/ssh/ssh_tcp.h"

#define PROXY_GRACE_MS 500

int ssh_connect_timed_out(const struct ssh_link *l)
{
	if (cancel_is_set())
		return err_set(ST_PEER, "interrupted");
	return err_set(ST_PEER, "cannot connect to %s: connection timed out after %d s", l->where,
		l->timeout_s);
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
	else if ((l->proxy_errors = child_errors_open(NULL, NULL, &errors)))
		l->proxy = child_start_errors(argv, pair[1], pair[1], errors, true);
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
	deadline_set(&l->deadline, (int64_t)timeout_s * 1000);
	if (strcmp(c->host, c->hostname) == 0)
		snprintf(l->where, sizeof(l->where), "'%s' port %u", c->host, c->port);
	else
		snprintf(l->where, sizeof(l->where), "'%s' (%s port %u)", c->host, c->hostname,
			c->port);
	return c->proxy_command ? start_proxy(l, c->proxy_command) : ssh_tcp_connect(l, c);
}

int ssh_connect_wait(struct ssh_link *l)
{
	int flags = ssh_get_poll_flags(l->session);
	struct pollfd p[2] = { { .fd = l->fd, .events = POLLIN },
		{ .fd = cancel_fd(), .events = POLLIN } };
	int wait = deadline_wait(&l->deadline);

	if (!ssh_is_connected(l->session)) /* libssh keeps returning SSH_AGAIN then */
		return err_set(ST_PEER, "%s", ssh_get_error(l->session));
	if (flags & SSH_WRITE_PENDING)
		p[0].events |= POLLOUT;
	if (wait > 0 && !cancel_is_set() && poll(p, 2, wait) < 0 && errno != EINTR)
		return err_set(ST_PEER, "cannot wait for %s: %s", l->where, strerror(errno));
	return wait == 0 || cancel_is_set() ? ssh_connect_timed_out(l) : 0;
}

static void end_proxy(struct ssh_link *l)
{
	int status;

	if (child_wait(l->proxy, PROXY_GRACE_MS, &status) == 0) {
		kill(l->proxy, SIGTERM);
		if (child_wait(l->proxy, PROXY_GRACE_MS, &status) == 0) {
			kill(l->proxy, SIGKILL);
			child_wait(l->proxy, PROXY_GRACE_MS, &status);
		}
	}
	l->proxy = -1;
}

void ssh_connect_close(struct ssh_link *l)
{
	const int none = -1;

	if (l->session) {
		/*
		 * libssh closes a socket that it was given after some failures, but not at the
		 * end.  Without this option, it closes the socket as one of its own, just once.
		 */
		ssh_options_set(l->session, SSH_OPTIONS_FD, &none);
		ssh_disconnect(l->session);
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
