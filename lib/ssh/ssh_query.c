/*
 * ssh_query: see ssh_query.h.
 */
#include "lib/ssh/ssh_query.h"

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
#include "lib/base/deadline.h"
#include "lib/base/err.h"
#include "lib/base/spawn.h"

#define QUERY_MS 30000
#define TICK_MS 100 /* how often to look whether ssh has ended */

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

/* Records why ssh is killed.  Returns -1. */
static int record_end(int timeout_ms)
{
	if (cancel_is_set())
		return err_set(ST_PEER, "interrupted");
	return err_set(ST_PEER, "'ssh -G' was killed: it took longer than %d s", timeout_ms / 1000);
}

/*
 * Whether it was stopped because it is not in the terminal's foreground: a `Match exec` line uses
 * the terminal.
 */
static bool wants_terminal(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid == pid &&
	       (info.si_status == SIGTTIN || info.si_status == SIGTTOU);
}

/* Waits for something in the pipes, and reads it.  1; 0: there was none; -1 recorded. */
static int collect_some(struct pipe_end p[2], int wait_ms)
{
	struct pollfd f[3] = { { .fd = p[0].fd, .events = POLLIN },
		{ .fd = p[1].fd, .events = POLLIN }, { .fd = cancel_fd(), .events = POLLIN } };
	int i, n = poll(f, 3, wait_ms);

	for (i = 0; n > 0 && i < 2; i++)
		if (p[i].fd >= 0 && f[i].revents && read_some(&p[i]) < 0)
			return -1;
	return n < 0 || f[0].revents || f[1].revents;
}

/*
 * Reads both pipes to their ends, or until ssh has ended: what a `Match exec` line has left in the
 * background may keep them open.  *ended: as of child_wait().  0, or -1 with an error recorded.
 */
static int collect_both(pid_t pid, struct pipe_end p[2], struct deadline *limit, int timeout_ms,
	int *ended, int *status)
{
	int wait, some = 1;

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		wait = deadline_wait(limit);
		if (wait == 0 || cancel_is_set())
			return record_end(timeout_ms);
		if (!*ended && wants_terminal(pid))
			return err_set(ST_PEER, "'ssh -G' was killed: a Match exec of its "
						"configuration " SSH_QUERY_TERMINAL);
		if (!*ended)
			*ended = child_wait(pid, 0, status);
		else if (!some)
			break; /* all that it has written is read */
		some = collect_some(p, *ended ? 0 : wait < TICK_MS ? wait : TICK_MS);
		if (some < 0)
			return -1;
	}
	return 0;
}

/* Reads ssh's output and waits for its end.  0 and *status is set, or -1 with an error recorded. */
static int collect(pid_t pid, struct pipe_end p[2], int timeout_ms, int *status)
{
	struct deadline limit;
	int ended = 0;

	deadline_set(&limit, timeout_ms);
	if (collect_both(pid, p, &limit, timeout_ms, &ended, status) < 0)
		return -1;
	if (!ended)
		ended = child_wait_or_cancel(pid, (int)deadline_left(&limit), status);
	if (ended == 0)
		return record_end(timeout_ms);
	return ended < 0 ? -1 : 0;
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

/* Starts ssh with args; ends[] become our ends of its output and messages.  As child_start(). */
static pid_t start_ssh(const char *const *args, struct pipe_end ends[2])
{
	const char *argv[SSH_QUERY_ARGS + 2] = { "ssh" };
	int null, out[2] = { -1, -1 }, errors[2] = { -1, -1 };
	pid_t pid = -1;
	int i;

	for (i = 0; i < SSH_QUERY_ARGS && args[i]; i++)
		argv[1 + i] = args[i];
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		spawn_failed("ssh", errno);
	else
		pid = child_start_group(argv, null, out[1], errors[1]);
	spawn_close(&null, 1);
	spawn_close(&out[1], 1);
	spawn_close(&errors[1], 1);
	ends[0].fd = out[0];
	ends[1].fd = errors[0];
	return pid;
}

int ssh_query_run(const char *const *args, struct buf *out, int timeout_ms)
{
	struct buf errors = BUF_INIT;
	struct pipe_end ends[2] = { { -1, out }, { -1, &errors } };
	int status, rc = -1;
	pid_t pid;

	if (!child_is_in_path("ssh"))
		return 0;
	pid = start_ssh(args, ends);
	if (pid < 0)
		err_set(ST_PEER, "%s", err_text());
	else if (collect(pid, ends, timeout_ms, &status) < 0)
		child_end_group(pid); /* also what a `Match exec` line has started */
	else
		rc = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : record_objection(&errors);
	spawn_close(&ends[0].fd, 1);
	spawn_close(&ends[1].fd, 1);
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
