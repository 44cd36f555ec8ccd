/*
 * child_errors: a line that the program does not end is passed on once nothing
 * has followed for a moment, because it may be a question to the user.
 */
#include "lib/base/child_errors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

#define UNENDED_MS 300

struct child_errors {
	char *name;
	const char *const *texts;
	bool has_text; /* one of them was in a line */
	int fd;	       /* our end of the pipe */
	int stop;      /* an eventfd: the program has ended */
	pthread_t thread;
	char line[CHILD_ERRORS_LINE + 1];
	size_t len;
};

static void pass_line(struct child_errors *e)
{
	size_t len = e->len, i;

	e->len = 0;
	if (len && e->line[len - 1] == '\r')
		len--;
	e->line[len] = '\0';
	if (len == 0)
		return;
	for (i = 0; e->texts && e->texts[i]; i++)
		e->has_text = e->has_text || strstr(e->line, e->texts[i]);
	if (e->name)
		log_warn("%s: %s", e->name, e->line);
	else
		log_warn("%s", e->line);
}

static void add_bytes(struct child_errors *e, const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (bytes[i] != '\n')
			e->line[e->len++] = bytes[i] ? bytes[i] : ' ';
		if (bytes[i] == '\n' || e->len == CHILD_ERRORS_LINE)
			pass_line(e);
	}
}

/* 1: bytes came; 0: none came in that time; -1: the pipe has ended. */
static int read_bytes(struct child_errors *e, int timeout_ms)
{
	struct pollfd p[2] = { { e->fd, POLLIN, 0 }, { timeout_ms < 0 ? e->stop : -1, POLLIN, 0 } };
	char bytes[4096];
	ssize_t n;

	if (poll(p, 2, timeout_ms) < 0)
		return errno == EINTR ? 1 : -1;
	if (!p[0].revents)
		return 0;
	n = read(e->fd, bytes, sizeof(bytes));
	if (n > 0)
		add_bytes(e, bytes, (size_t)n);
	return n > 0 || (n < 0 && errno == EINTR) ? 1 : -1;
}

static bool is_stopped(const struct child_errors *e)
{
	struct pollfd p = { e->stop, POLLIN, 0 };

	return poll(&p, 1, 0) > 0;
}

static void *read_lines(void *arg)
{
	struct child_errors *e = arg;
	int64_t until = 0;
	int r = 1;

	while (r >= 0) {
		if (!until && is_stopped(e))
			until = io_now_ms() + CHILD_ERRORS_END_MS;
		if (until && io_now_ms() >= until)
			break;
		r = read_bytes(e, until ? (int)(until - io_now_ms()) : e->len ? UNENDED_MS : -1);
		if (r == 0)
			pass_line(e);
	}
	pass_line(e);
	return NULL;
}

static void child_errors_free(struct child_errors *e)
{
	if (e->fd >= 0)
		close(e->fd);
	if (e->stop >= 0)
		close(e->stop);
	free(e->name);
	free(e);
}

struct child_errors *child_errors_open(const char *name, const char *const *texts, int *fd)
{
	struct child_errors *e = calloc(1, sizeof(*e));
	sigset_t all, old;
	int ends[2] = { -1, -1 };
	int rc;

	if (!e || (name && !(e->name = strdup(name)))) {
		free(e);
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	e->texts = texts;
	e->fd = -1;
	e->stop = eventfd(0, EFD_CLOEXEC);
	if (e->stop < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		err_sys("cannot create a pipe");
		child_errors_free(e);
		return NULL;
	}
	e->fd = ends[0];
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&e->thread, NULL, read_lines, e);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0) {
		*fd = ends[1];
		return e;
	}
	close(ends[1]);
	child_errors_free(e);
	err_set(ST_FAILED, "cannot start a thread: %s", strerror(rc));
	return NULL;
}

bool child_errors_close(struct child_errors *e)
{
	uint64_t one = 1;
	bool has_text;

	if (!e)
		return false;
	while (write(e->stop, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(e->thread, NULL);
	has_text = e->has_text;
	child_errors_free(e);
	return has_text;
}
