/*
 * child_start() cannot redirect standard error, but ssh's messages must be read here
 * for our one line of error.  So a shell redirects it.  All text is passed to the
 * shell as arguments, which it does not interpret.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/ssh/ssh_query.h"

#define QUERY_MS 30000
#define NOT_FOUND 127 /* the shell's status for a missing program */

struct pipe_end {
	int fd;
	struct buf *to;
};

/* Reads once, and closes fd at end of file.  0, or -1 with an error recorded. */
static int read_some(struct pipe_end *p)
{
	char piece[8192];
	ssize_t n = read(p->fd, piece, sizeof(piece));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		close(p->fd);
		p->fd = -1;
		return 0;
	}
	buf_add(p->to, piece, (size_t)n);
	if (p->to->len > SSH_QUERY_MAX)
		return err_set(ST_PEER,
			"cannot read the output of 'ssh -G': it is longer than %u MiB",
			SSH_QUERY_MAX >> 20);
	return buf_failed(p->to);
}

/* Reads both pipes to their ends.  0, or -1 with an error recorded. */
static int collect_both(struct pipe_end p[2], int timeout_ms)
{
	int64_t until = io_now_ms() + timeout_ms;
	int i;

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		struct pollfd f[3] = { { .fd = p[0].fd, .events = POLLIN },
			{ .fd = p[1].fd, .events = POLLIN },
			{ .fd = cancel_fd(), .events = POLLIN } };
		int64_t left = until - io_now_ms();

		if (cancel_is_set())
			return err_set(ST_PEER, "interrupted");
		if (left <= 0)
			return err_set(ST_PEER, "'ssh -G' was killed: it took longer than %d s",
				timeout_ms / 1000);
		if (poll(f, 3, (int)left) < 0)
			continue;
		for (i = 0; i < 2; i++)
			if (p[i].fd >= 0 && f[i].revents && read_some(&p[i]) < 0)
				return -1;
	}
	return 0;
}

/* Records the first line of ssh's messages.  Returns -1. */
static int record_objection(struct buf *errors)
{
	const char *text = buf_str(errors);
	char line[512];
	enum status status = ST_USAGE;

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\r\n"), text);
	if (strstr(line, "resolve hostname"))
		status = ST_PEER;
	return err_set(status, "ssh configuration: %s", *line ? line : "'ssh -G' failed");
}

static int open_pipes(int null[1], int out[2], int errors[2])
{
	null[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null[0] < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		return err_set(ST_PEER, "cannot run 'ssh -G': %s", strerror(errno));
	return 0;
}

static void close_open(int *fd, int count)
{
	while (count-- > 0)
		if (fd[count] >= 0)
			close(fd[count]);
}

int ssh_query_run(const char *const *args, struct buf *out, int timeout_ms)
{
	const char *argv[SSH_QUERY_ARGS + 6] = { "/bin/sh", "-c", "exec 2>&3 3>&-; exec ssh \"$@\"",
		"sh" };
	int null[1] = { -1 }, outs[2] = { -1, -1 }, errs[2] = { -1, -1 };
	struct buf errors = BUF_INIT;
	struct pipe_end ends[2];
	int i, status, rc = -1;
	pid_t pid;

	for (i = 0; i < SSH_QUERY_ARGS && args[i]; i++)
		argv[4 + i] = args[i];
	if (open_pipes(null, outs, errs) < 0)
		goto out;
	pid = child_start_group(argv, null[0], outs[1], errs[1]);
	close_open(&outs[1], 1);
	close_open(&errs[1], 1);
	outs[1] = errs[1] = -1;
	if (pid < 0)
		goto out;
	ends[0] = (struct pipe_end){ outs[0], out };
	ends[1] = (struct pipe_end){ errs[0], &errors };
	rc = collect_both(ends, timeout_ms);
	outs[0] = ends[0].fd;
	errs[0] = ends[1].fd;
	if (rc < 0)
		child_end_group(pid); /* also what a `Match exec` line has started */
	else if (child_wait(pid, -1, &status) < 0)
		rc = -1;
	else if (rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		rc = 1;
	else if (rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
		rc = 0;
	else if (rc == 0)
		rc = record_objection(&errors);
out:
	close_open(null, 1);
	close_open(outs, 2);
	close_open(errs, 2);
	buf_fini(&errors);
	return rc;
}

bool ssh_query_knows_session_options(void)
{
	const char *args[] = { "-G", "-F", "/dev/null", "-oForkAfterAuthentication=no", "--",
		"host", NULL };
	struct buf out = BUF_INIT;
	struct err e;
	bool knows;

	err_take(&e);
	knows = ssh_query_run(args, &out, QUERY_MS) == 1;
	err_put(&e);
	buf_fini(&out);
	return knows;
}
