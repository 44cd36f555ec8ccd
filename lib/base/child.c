/*
 * fork() and exec() in a process with threads: all that needs memory is made
 * before the fork, and between it and the exec there are only
 * async-signal-safe calls.  All signals are blocked over it, as a handler of
 * ours run in the child would write into the parent's descriptors.  A failed
 * exec comes back as its errno through a close-on-exec pipe; its end without a
 * byte means that the program runs.  Descriptors to hand over are first
 * copied above all their targets, so that the dup2()s cannot hit each other.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/io.h"

#define SLOTS 4		/* descriptors 0 to 3 of the child */
#define CLOSE_MAX 65536 /* looked at where the kernel cannot close a range */
#define STREAM_PIECE 16384
#define OLD_KERNEL_POLL 10 /* ms */

struct spawn {
	char path[PATH_MAX];
	const char *const *argv;
	char *const *envp;
	int fd[SLOTS]; /* becomes this number; -1: as the parent has it (0 to 2) */
	int keep;      /* keeps its number; -1: none */
	bool own_session;
};

static int cannot_run(const char *program, int sys)
{
	return err_set(ST_FAILED, "run '%s': %s", program,
		sys == ENOENT ? "no such program" : strerror(sys));
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Finds name in dirs as execvp() would; out takes PATH_MAX bytes. */
static int find_program(const char *name, const char *dirs, char *out)
{
	if (strchr(name, '/')) {
		if (snprintf(out, PATH_MAX, "%s", name) >= PATH_MAX)
			return cannot_run(name, ENAMETOOLONG);
		return 0;
	}
	for (;;) {
		int len = (int)strcspn(dirs, ":");
		int used = snprintf(out, PATH_MAX, "%.*s%s%s", len, dirs, len ? "/" : "", name);

		if (*name && used < PATH_MAX && is_program(out))
			return 0;
		if (!dirs[len])
			return cannot_run(name, ENOENT);
		dirs += len + 1;
	}
}

/* A descriptor that is readable once pid has ended; -1 before Linux 5.3. */
static int open_pid(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int has_ended(pid_t pid)
{
	siginfo_t info;

	info.si_pid = 0;
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid;
}

/* In the child: whatever this process has open is not the program's. */
static void close_rest_on_exec(void)
{
	struct rlimit lim;
	int fd, end = CLOSE_MAX;

	if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < CLOSE_MAX)
		end = (int)lim.rlim_cur;
	for (fd = 3; fd < end; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/*
 * In the child.  What the user set to be ignored (nohup, a shell's background
 * jobs) stays so for what we run, too.
 */
static void reset_signals(void)
{
	struct sigaction act, old;
	int sig;

	memset(&act, 0, sizeof(act));
	act.sa_handler = SIG_DFL;
	for (sig = 1; sig < NSIG; sig++) {
		if ((sig == SIGHUP || sig == SIGINT || sig == SIGQUIT) &&
			sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			continue;
		sigaction(sig, &act, NULL);
	}
	sigprocmask(SIG_SETMASK, &act.sa_mask, NULL);
}

/* In the child; returns only with an errno. */
static int become(const struct spawn *s)
{
	int i;

	if (s->own_session && setsid() < 0)
		return errno;
	close_rest_on_exec();
	for (i = 0; i < SLOTS; i++)
		if (s->fd[i] >= 0 && dup2(s->fd[i], i) < 0)
			return errno;
	if (s->keep >= 0 && fcntl(s->keep, F_SETFD, 0) < 0)
		return errno;
	reset_signals();
	execve(s->path, (char *const *)(uintptr_t)s->argv, s->envp);
	return errno;
}

/* Puts copies of from[] above every target into s->fd. */
static int lift(struct spawn *s, const int from[SLOTS])
{
	int i;

	for (i = 0; i < SLOTS; i++) {
		s->fd[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, SLOTS);
		if (from[i] >= 0 && s->fd[i] < 0)
			return -1;
	}
	return 0;
}

static void close_all(int *fd, size_t count)
{
	for (; count > 0; count--, fd++) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

/* A SIGCHLD ignored since before our start would lose exit statuses. */
static void keep_statuses(void)
{
	struct sigaction act;

	if (sigaction(SIGCHLD, NULL, &act) == 0 && act.sa_handler == SIG_IGN)
		signal(SIGCHLD, SIG_DFL);
}

/* A pipe whose writing end no dup2() of the child hits. */
static int make_report(int report[2])
{
	int low;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -1;
	low = report[1];
	report[1] = fcntl(low, F_DUPFD_CLOEXEC, SLOTS);
	close(low);
	if (report[1] >= 0)
		return 0;
	close(report[0]);
	return -1;
}

/* Starts s with from[] as its descriptors.  The pid, or -1 with an error recorded. */
static pid_t start(struct spawn *s, const int from[SLOTS])
{
	int report[2] = { -1, -1 };
	sigset_t all, mask;
	pid_t pid = -1;
	int sys = 0;

	memset(s->fd, -1, sizeof(s->fd));
	if (lift(s, from) < 0 || make_report(report) < 0) {
		cannot_run(s->argv[0], errno);
		goto out;
	}
	keep_statuses();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	pid = fork();
	if (pid == 0) {
		sys = become(s);
		_exit(io_write(report[1], &sys, sizeof(sys)) < 0 ? 126 : 127);
	}
	if (pid < 0)
		sys = errno;
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	close(report[1]);
	if (pid > 0 && io_read(report[0], &sys, sizeof(sys)) == (ssize_t)sizeof(sys)) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		pid = -1;
	}
	close(report[0]);
	if (pid < 0)
		cannot_run(s->argv[0], sys);
out:
	close_all(s->fd, SLOTS);
	return pid;
}

/* One output of a child; to is NULL where it goes to /dev/null. */
struct stream {
	int fd;
	struct buf *to;
	size_t got; /* may pass CHILD_OUTPUT_MAX: the rest is read and dropped */
};

/* Makes the pipe, or opens /dev/null; *child_end is what the child gets. */
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

/* Reads one piece; 1 if there was one, else 0, and s->fd is -1 at the end. */
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

/*
 * Reads both until they end, or until the child has: a daemon that it left
 * behind may hold them open for ever.
 */
static void collect(struct stream s[2], pid_t pid)
{
	int pidfd = open_pid(pid);
	int i, gone = 0;

	while (!gone && (s[0].fd >= 0 || s[1].fd >= 0)) {
		struct pollfd p[3] = {
			{ .fd = s[0].fd, .events = POLLIN },
			{ .fd = s[1].fd, .events = POLLIN },
			{ .fd = pidfd, .events = POLLIN },
		};

		if (poll(p, 3, pidfd < 0 ? OLD_KERNEL_POLL : -1) < 0)
			continue;
		gone = pidfd < 0 ? has_ended(pid) : p[2].revents != 0;
		for (i = 0; i < 2; i++)
			while (stream_read(&s[i]) && gone && s[i].got <= CHILD_OUTPUT_MAX)
				;
	}
	if (pidfd >= 0)
		close(pidfd);
}

static int finish(const struct child *c, const struct stream s[2], pid_t pid)
{
	int status, i;

	if (child_wait(pid, -1, &status) < 0)
		return -1;
	for (i = 0; i < 2; i++) {
		if (s[i].got > CHILD_OUTPUT_MAX)
			return err_set(ST_FAILED, "run '%s': its output is too long", c->argv[0]);
		if (s[i].to && buf_failed(s[i].to) < 0)
			return -1;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_run(const struct child *c)
{
	struct stream s[2] = { { .fd = -1 }, { .fd = -1 } };
	struct spawn spawn = { .argv = c->argv, .keep = c->keep_fd, .own_session = c->own_session };
	char lang[] = "LC_ALL=C", path[] = "PATH=" CHILD_PATH;
	char *envp[] = { lang, path, NULL, NULL };
	int from[SLOTS] = { -1, -1, -1, -1 };
	const char *home = getenv("HOME");
	int rc = -1;
	pid_t pid;

	if (find_program(c->argv[0], CHILD_PATH, spawn.path) < 0)
		return -1;
	if (home && asprintf(&envp[2], "HOME=%s", home) < 0)
		return err_set(ST_FAILED, "out of memory");
	spawn.envp = envp;
	from[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (from[0] < 0 || stream_open(&s[0], c->out, &from[1]) < 0 ||
		stream_open(&s[1], c->errors, &from[2]) < 0) {
		cannot_run(c->argv[0], errno);
		goto out;
	}
	pid = start(&spawn, from);
	close_all(from, SLOTS); /* else the pipes would never end */
	if (pid > 0) {
		collect(s, pid);
		rc = finish(c, s, pid);
	}
out:
	close_all(from, SLOTS);
	close_all(&s[0].fd, 1);
	close_all(&s[1].fd, 1);
	free(envp[2]);
	return rc;
}

pid_t child_start(const char *const *argv, int in, int out, int keep_fd)
{
	struct spawn spawn = { .argv = argv, .envp = environ, .keep = -1 };
	const int from[SLOTS] = { in, out, -1, keep_fd };
	const char *dirs = getenv("PATH");

	if (find_program(argv[0], dirs ? dirs : CHILD_PATH, spawn.path) < 0)
		return -1;
	return start(&spawn, from);
}

/* 1 once pid has ended, 0 after timeout_ms, without reaping it. */
static int await(pid_t pid, int timeout_ms)
{
	int64_t until = io_now_ms() + timeout_ms;
	int pidfd = open_pid(pid);
	int64_t left = timeout_ms;
	int ended = 0;

	do {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };

		if (pidfd < 0 && left > OLD_KERNEL_POLL)
			left = OLD_KERNEL_POLL;
		ended = poll(&p, 1, (int)left) > 0;
		if (pidfd < 0)
			ended = has_ended(pid);
		left = until - io_now_ms();
	} while (!ended && left > 0);
	if (pidfd >= 0)
		close(pidfd);
	return ended;
}

int child_wait(pid_t pid, int timeout_ms, int *status)
{
	pid_t got;

	if (timeout_ms > 0)
		await(pid, timeout_ms);
	do
		got = waitpid(pid, status, timeout_ms < 0 ? 0 : WNOHANG);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(ST_FAILED, "wait for process %d: %s", (int)pid, strerror(errno));
	return got > 0;
}
