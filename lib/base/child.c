/*
 * The program's output is read while it runs.  A pidfd tells when it ends; on
 * kernels without pidfds, it is polled for.
 */
#include "lib/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/deadline.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/spawn.h"

#define STREAM_PIECE 16384
#define OLD_KERNEL_POLL 10 /* ms */
#define TERM_MS 1000	   /* between TERM and KILL */
#define KILLED_MS 5000	   /* a killed process may hang in the kernel for longer */

/* A descriptor that becomes readable when pid ends; -1 before Linux 5.3. */
static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int has_ended(pid_t pid)
{
	siginfo_t info;

	info.si_pid = 0;
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid;
}

/*
 * Waits for the end of pid without reaping it.  1: it has ended; 0: timeout_ms (more than 0) has
 * passed, without the time in which this process was stopped, or cancel (-1: none) is readable.
 */
static int await_end(pid_t pid, int timeout_ms, int cancel)
{
	int pidfd = open_pidfd(pid), ended = 0, wait;
	struct deadline limit;

	deadline_set(&limit, timeout_ms);
	while (!ended && (wait = deadline_wait(&limit)) > 0) {
		struct pollfd p[2] = { { .fd = pidfd, .events = POLLIN },
			{ .fd = cancel, .events = POLLIN } };

		if (pidfd < 0 && wait > OLD_KERNEL_POLL)
			wait = OLD_KERNEL_POLL;
		if (poll(p, 2, wait) < 0)
			continue;
		ended = pidfd < 0 ? has_ended(pid) : p[0].revents != 0;
		if (p[1].revents)
			break;
	}
	if (pidfd >= 0)
		close(pidfd);
	return ended;
}

/* One output of a child; to is NULL if it goes to /dev/null. */
struct stream {
	int fd;
	struct buf *to;
	size_t got; /* bytes read; those beyond CHILD_OUTPUT_MAX are dropped */
};

/* Creates a pipe or opens /dev/null; *child_end is the child's end. */
static int stream_open(struct stream *s, struct buf *to, int *child_end)
{
	int ends[2];

	s->to = to;
	if (!to) {
		*child_end = open("/dev/null", O_WRONLY | O_CLOEXEC);
		return *child_end < 0 ? -1 : 0;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	s->fd = ends[0];
	*child_end = ends[1];
	return io_set_nonblock(s->fd, 1);
}

/* Reads once.  1 if there was data, else 0; at the end of the output s->fd becomes -1. */
static int stream_read(struct stream *s)
{
	char piece[STREAM_PIECE];
	ssize_t n;

	if (s->fd < 0)
		return 0;
	n = read(s->fd, piece, sizeof(piece));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		close(s->fd);
		s->fd = -1;
		return 0;
	}
	s->got += (size_t)n;
	if (s->got <= CHILD_OUTPUT_MAX)
		buf_add(s->to, piece, (size_t)n);
	return 1;
}

/* A program that runs. */
struct running {
	const struct child *want;
	struct stream s[2]; /* standard output and standard error */
	pid_t pid;
	struct deadline limit; /* when it is killed */
	size_t searched;       /* bytes of its standard error, up to the beginning of a line */
	bool is_stopped;
	int64_t ticked_ms; /* when tick() was called last */
};

static bool is_cancelled(const struct running *r)
{
	return r->want->ends_with_job && cancel_is_set();
}

/* Looks for a line that begins with stop_at.  An unfinished line is looked at again. */
static void find_stop(struct running *r)
{
	const char *text, *end, *want = r->want->stop_at;

	if (!want || !r->want->errors)
		return;
	text = buf_str(r->want->errors);
	while (!r->is_stopped && (end = strchr(text + r->searched, '\n'))) {
		r->is_stopped = strncmp(text + r->searched, want, strlen(want)) == 0;
		r->searched = (size_t)(end - text) + 1;
	}
}

/* Calls tick() if it is due.  How long to wait for what comes next, instead of wait; in ms. */
static int wait_for_tick(struct running *r, int wait)
{
	const struct child *c = r->want;
	int64_t left;

	if (!c->tick)
		return wait;
	left = r->ticked_ms + c->tick_ms - io_now_ms();
	if (left <= 0) {
		c->tick(c->tick_arg);
		r->ticked_ms = io_now_ms();
		left = c->tick_ms;
	}
	return wait < 0 || left < wait ? (int)left : wait;
}

/*
 * Reads both outputs until the child ends (a daemon that it started may keep them open), or
 * until the job is cancelled or the time limit is reached.
 */
static void collect_output(struct running *r)
{
	int pidfd = open_pidfd(r->pid);
	int i, gone = 0, wait;

	while (!gone && !r->is_stopped && !is_cancelled(r)) {
		struct pollfd p[4] = {
			{ .fd = r->s[0].fd, .events = POLLIN },
			{ .fd = r->s[1].fd, .events = POLLIN },
			{ .fd = pidfd, .events = POLLIN },
			{ .fd = r->want->ends_with_job ? cancel_fd() : -1, .events = POLLIN },
		};

		wait = deadline_wait(&r->limit);
		if (wait == 0)
			break;
		wait = wait_for_tick(r, wait);
		if (pidfd < 0)
			wait = OLD_KERNEL_POLL;
		if (poll(p, 4, wait) < 0)
			continue;
		gone = pidfd < 0 ? has_ended(r->pid) : p[2].revents != 0;
		for (i = 0; i < 2; i++)
			while (stream_read(&r->s[i]) && gone && r->s[i].got <= CHILD_OUTPUT_MAX)
				;
		find_stop(r);
	}
	if (pidfd >= 0)
		close(pidfd);
	if (gone && r->want->ends_with_job)
		kill(-r->pid, SIGKILL); /* what it started and left behind */
}

/* What its outputs allow to say: 0, or -1 recorded. */
static int check_output(const struct running *r)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (r->s[i].got > CHILD_OUTPUT_MAX && !(i == 1 && r->want->stop_at))
			return err_set(ST_FAILED,
				"cannot read the output of '%s': it is longer than %u MiB",
				r->want->argv[0], CHILD_OUTPUT_MAX >> 20);
		if (r->s[i].to && buf_failed(r->s[i].to) < 0)
			return -1;
	}
	return 0;
}

/* Waits for the child, or ends its process group.  As child_run(). */
static int child_result(const struct running *r)
{
	const struct child *c = r->want;
	int status, got;

	got = child_wait(r->pid, c->ends_with_job || r->limit.at ? 0 : -1, &status);
	if (got == 0 && (r->is_stopped || is_cancelled(r)))
		child_end_group(r->pid);
	if (r->is_stopped)
		return CHILD_STOPPED;
	if (got == 0 && is_cancelled(r))
		return err_set(ST_FAILED, "interrupted");
	if (got == 0) {
		kill(-r->pid, SIGKILL);
		child_wait(r->pid, KILLED_MS, &status);
		return err_set(ST_FAILED, "'%s' was killed: it took longer than %d s", c->argv[0],
			c->limit_ms / 1000);
	}
	if (got < 0 || check_output(r) < 0)
		return -1;
	if (WIFSIGNALED(status) && c->processor_s &&
		(WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
		return err_set(ST_FAILED,
			"'%s' was killed: it took more than %u s of processor time", c->argv[0],
			c->processor_s);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool child_has(const char *program)
{
	return spawn_has(program, CHILD_PATH);
}

int child_run(const struct child *c)
{
	struct running r = { .want = c, .s = { { .fd = -1 }, { .fd = -1 } } };
	struct spawn spawn = { .argv = c->argv,
		.keep = c->keep_fd,
		.keep_more = c->keep_more,
		.keep_more_count = c->keep_more_count,
		.own_session = c->own_session || c->ends_with_job,
		.dies_with_us = c->ends_with_job,
		.processor_s = c->processor_s,
		.memory = c->memory };
	char lang[] = "LC_ALL=C", path[] = "PATH=" CHILD_PATH;
	char *envp[] = { lang, path, NULL, NULL };
	int from[SPAWN_SLOTS] = { -1, -1, -1, -1 };
	const char *home = getenv("HOME");
	int rc = -1;

	if (spawn_find(c->argv[0], CHILD_PATH, spawn.path) < 0)
		return -1;
	if (home && asprintf(&envp[2], "HOME=%s", home) < 0)
		return err_set(ST_FAILED, "out of memory");
	spawn.envp = envp;
	from[0] = c->in_fd > 0 ? fcntl(c->in_fd, F_DUPFD_CLOEXEC, 0)
			       : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (from[0] < 0 || stream_open(&r.s[0], c->out, &from[1]) < 0 ||
		stream_open(&r.s[1], c->errors, &from[2]) < 0) {
		spawn_failed(c->argv[0], errno);
		goto out;
	}
	r.pid = spawn_start(&spawn, from);
	spawn_close(from, SPAWN_SLOTS); /* else our own write ends would keep the pipes open */
	if (r.pid > 0) {
		deadline_set(&r.limit, c->limit_ms);
		collect_output(&r);
		rc = child_result(&r);
	}
out:
	spawn_close(from, SPAWN_SLOTS);
	spawn_close(&r.s[0].fd, 1);
	spawn_close(&r.s[1].fd, 1);
	free(envp[2]);
	return rc;
}

/* The directories in which the programs of the user are looked up. */
static const char *user_path(void)
{
	const char *dirs = getenv("PATH");

	return dirs ? dirs : CHILD_PATH;
}

bool child_is_in_path(const char *program)
{
	return spawn_has(program, user_path());
}

static pid_t start_inherited(
	const char *const *argv, const int from[SPAWN_SLOTS], bool own_group, bool ignores_stop)
{
	struct spawn spawn = { .argv = argv,
		.envp = environ,
		.keep = -1,
		.own_group = own_group,
		.ignores_stop = ignores_stop };

	if (spawn_find(argv[0], user_path(), spawn.path) < 0)
		return -1;
	return spawn_start(&spawn, from);
}

pid_t child_start(const char *const *argv, int in, int out, int keep_fd)
{
	const int from[SPAWN_SLOTS] = { in, out, -1, keep_fd };

	return start_inherited(argv, from, false, false);
}

pid_t child_start_errors(const char *const *argv, int in, int out, int errors, bool ignores_stop)
{
	const int from[SPAWN_SLOTS] = { in, out, errors, -1 };

	return start_inherited(argv, from, false, ignores_stop);
}

pid_t child_start_group(const char *const *argv, int in, int out, int errors)
{
	const int from[SPAWN_SLOTS] = { in, out, errors, -1 };

	return start_inherited(argv, from, true, false);
}

void child_end_group(pid_t pid)
{
	int status;

	kill(-pid, SIGTERM);
	await_end(pid, TERM_MS, -1);
	kill(-pid, SIGKILL); /* also what the program started and left behind */
	child_wait(pid, KILLED_MS, &status);
}

static int wait_for(pid_t pid, int timeout_ms, int cancel, int *status)
{
	pid_t got;

	if (timeout_ms > 0)
		await_end(pid, timeout_ms, cancel);
	do
		got = waitpid(pid, status, timeout_ms < 0 ? 0 : WNOHANG);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(
			ST_FAILED, "cannot wait for process %d: %s", (int)pid, strerror(errno));
	return got > 0;
}

int child_wait(pid_t pid, int timeout_ms, int *status)
{
	return wait_for(pid, timeout_ms, -1, status);
}

int child_wait_or_cancel(pid_t pid, int timeout_ms, int *status)
{
	return wait_for(pid, timeout_ms, cancel_fd(), status);
}
