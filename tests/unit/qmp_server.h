/*
 * qmp_server: a thread that stands in for QEMU's monitor, on the socket "socket" of the current
 * directory.
 */
#ifndef IMG_QMP_SERVER_H
#define IMG_QMP_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/host/qmp.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define LIMIT_MS 300 /* of a call that is not answered */

static const struct policy qmp_policy = POLICY_INIT;

typedef void serve_fn(int fd);

static struct server {
	int listener, fd;
	serve_fn *serve;
	pthread_t thread;
} server;

static inline bool say(int fd, const char *text, size_t len)
{
	ssize_t n;

	for (; len; text += n, len -= (size_t)n) {
		n = send(fd, text, len, MSG_NOSIGNAL);
		if (n < 0)
			return false;
	}
	return true;
}

static inline bool tell(int fd, const char *text)
{
	return say(fd, text, strlen(text));
}

/* Reads up to the end of a request; false: the client has gone. */
static inline bool hear(int fd, char *out, size_t size)
{
	size_t len = 0;

	while (len + 1 < size && read(fd, out + len, 1) == 1)
		if (out[len++] == '\n') {
			out[len - 1] = '\0';
			return true;
		}
	return false;
}

/* Until the client has gone. */
static inline void linger(int fd)
{
	char line[4096];

	while (hear(fd, line, sizeof(line)))
		;
}

/* The greeting, and an answer to the first request. */
static inline void greet(int fd)
{
	char line[4096];

	tell(fd, GREETING);
	if (hear(fd, line, sizeof(line)))
		tell(fd, strcmp(line, "{\"execute\":\"qmp_capabilities\",\"id\":1}") == 0
				 ? "{\"return\": {}, \"id\": 1}\r\n"
				 : "{\"error\": {\"desc\": \"unexpected\"}, \"id\": 1}\r\n");
}

static inline void *run_server(void *arg)
{
	(void)arg;
	server.fd = accept(server.listener, NULL, NULL);
	if (server.fd >= 0) {
		server.serve(server.fd);
		close(server.fd);
	}
	return NULL;
}

/* Starts a server that does serve for one client, and connects to it: qmp_open(). */
static inline struct qmp *dial(serve_fn *serve)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	struct qmp *q;

	unlink("socket");
	server.serve = serve;
	server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server.listener < 0 ||
		bind(server.listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(server.listener, 1) < 0 ||
		pthread_create(&server.thread, NULL, run_server, NULL) != 0)
		abort();
	err_clear();
	q = qmp_open(&qmp_policy, "socket", getuid());
	if (q)
		qmp_set_limit(q, LIMIT_MS);
	return q;
}

/* Ends the connection (NULL: there is none) and the server. */
static inline void hang_up(struct qmp *q)
{
	qmp_close(q);
	pthread_join(server.thread, NULL);
	close(server.listener);
}

#endif
