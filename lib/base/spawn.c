/*
 * All memory is allocated before the fork(), since only async-signal-safe calls
 * are allowed between fork() and exec().  All signals are blocked meanwhile,
 * because our signal handlers, run in the child, would write to descriptors that
 * it shares with the parent.  If exec() fails, the child sends the errno through
 * a close-on-exec pipe; if that pipe ends without data, the program runs.
 * Descriptors to hand over are first copied to numbers above all targets, so that
 * no dup2() closes the source of another.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/spawn.h"

#define CLOSE_MAX 65536 /* descriptors marked one by one where close_range() is missing */

int spawn_failed(const char *program, int sys)
{
	if (sys == ENOENT && !strchr(program, '/'))
		return err_set(ST_FAILED, "cannot run '%s': command not found (is it installed?)",
			program);
	return err_set(ST_FAILED, "cannot run '%s': %s", program, strerror(sys));
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int spawn_find(const char *name, const char *dirs, char *out)
{
	if (strchr(name, '/')) {
		if (snprintf(out, PATH_MAX, "%s", name) >= PATH_MAX)
			return spawn_failed(name, ENAMETOOLONG);
		return 0;
	}
	for (;;) {
		int len = (int)strcspn(dirs, ":");
		int used = snprintf(out, PATH_MAX, "%.*s%s%s", len, dirs, len ? "/" : "", name);

		if (*name && used < PATH_MAX && is_program(out))
			return 0;
		if (!dirs[len])
			return spawn_failed(name, ENOENT);
		dirs += len + 1;
	}
}

bool spawn_has(const char *name, const char *dirs)
{
	char path[PATH_MAX];
	struct err e;
	bool has;

	err_take(&e);
	has = spawn_find(name, dirs, path) == 0;
	err_put(&e);
	return has;
}

/* In the child.  Keeps the program from inheriting descriptors. */
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
 * In the child.  Signals that the user set to be ignored (nohup, a background job
 * of a shell) stay ignored in the program.
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

static int set_limit(int resource, rlim_t soft, rlim_t hard)
{
	const struct rlimit limit = { soft, hard };

	return setrlimit((__rlimit_resource_t)resource, &limit);
}

/* In the child.  XCPU comes at the soft limit of the processor time, KILL at the hard one. */
static int set_limits(const struct spawn *s)
{
	if (s->memory && set_limit(RLIMIT_AS, s->memory, s->memory) < 0)
		return -1;
	if (s->processor_s && set_limit(RLIMIT_CPU, s->processor_s, s->processor_s + 1) < 0)
		return -1;
	/* Reaching a limit must not leave a core file. */
	return s->memory || s->processor_s ? set_limit(RLIMIT_CORE, 0, 0) : 0;
}

/* In the child.  The parent may have died before prctl() was called. */
static int die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -1;
	if (getppid() != parent)
		_exit(127);
	return 0;
}

/* In the child.  Returns only on failure, with an errno. */
static int exec_program(const struct spawn *s, pid_t parent)
{
	size_t k;
	int i;

	if (s->own_session && setsid() < 0)
		return errno;
	if (s->own_group && setpgid(0, 0) < 0)
		return errno;
	if ((s->dies_with_us && die_with(parent) < 0) || set_limits(s) < 0)
		return errno;
	close_rest_on_exec();
	for (i = 0; i < SPAWN_SLOTS; i++)
		if (s->fd[i] >= 0 && dup2(s->fd[i], i) < 0)
			return errno;
	if (s->keep >= 0 && fcntl(s->keep, F_SETFD, 0) < 0)
		return errno;
	for (k = 0; k < s->keep_more_count; k++)
		if (fcntl(s->keep_more[k], F_SETFD, 0) < 0)
			return errno;
	reset_signals();
	if (s->ignores_stop)
		signal(SIGTSTP, SIG_IGN);
	execve(s->path, (char *const *)(uintptr_t)s->argv, s->envp);
	return errno;
}

/* Copies from[] into s->fd, to numbers above every target. */
static int lift_descriptors(struct spawn *s, const int from[SPAWN_SLOTS])
{
	int i;

	for (i = 0; i < SPAWN_SLOTS; i++) {
		s->fd[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, SPAWN_SLOTS);
		if (from[i] >= 0 && s->fd[i] < 0)
			return -1;
	}
	return 0;
}

void spawn_close(int *fd, size_t count)
{
	for (; count > 0; count--, fd++) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

/* If SIGCHLD was already ignored when we were started, exit statuses would be lost. */
static void keep_exit_statuses(void)
{
	struct sigaction act;

	if (sigaction(SIGCHLD, NULL, &act) == 0 && act.sa_handler == SIG_IGN)
		signal(SIGCHLD, SIG_DFL);
}

/* A pipe whose write end no dup2() of the child replaces. */
static int make_report_pipe(int report[2])
{
	int low;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -1;
	low = report[1];
	report[1] = fcntl(low, F_DUPFD_CLOEXEC, SPAWN_SLOTS);
	close(low);
	if (report[1] >= 0)
		return 0;
	close(report[0]);
	return -1;
}

pid_t spawn_start(struct spawn *s, const int from[SPAWN_SLOTS])
{
	int report[2] = { -1, -1 };
	sigset_t all, mask;
	pid_t pid = -1, parent = getpid();
	int sys = 0;

	memset(s->fd, -1, sizeof(s->fd));
	if (lift_descriptors(s, from) < 0 || make_report_pipe(report) < 0) {
		spawn_failed(s->argv[0], errno);
		goto out;
	}
	keep_exit_statuses();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	pid = fork();
	if (pid == 0) {
		sys = exec_program(s, parent);
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
		spawn_failed(s->argv[0], sys);
out:
	spawn_close(s->fd, SPAWN_SLOTS);
	return pid;
}
