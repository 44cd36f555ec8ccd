/*
 * fs_mount: a forked child does it all, and reports through a pipe.  The child is needed because a
 * system call that takes hours, such as the shrinking of btrfs, or that hangs, can only be ended
 * by killing the process that makes it.  It is a copy of a process with threads, in which another
 * thread may have held any lock, so the child only makes system calls.  A detached mount belongs to
 * no mount namespace, so the child does not need one of its own.
 */
#include "lib/fs/fs_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/deadline.h"
#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/base/io.h"
#include "lib/base/text.h"

#define PATH_MAX_DEVICE 32
#define OPTION_MAX 64
#define KERNEL_TEXT 160
#define KILLED_MS 5000 /* a killed process may hang in the kernel for longer */
#define FREE_MS 10000
#define FREE_POLL_MS 10

enum step { STEP_OPEN, STEP_MOUNT, STEP_SYNC, STEP_DONE };

struct report {
	enum step step; /* that failed with sys */
	int sys;	/* after STEP_DONE: the result of act */
	char text[KERNEL_TEXT];
};

/* In the child.  No other descriptor of this process may stay open as long as it runs. */
static void close_all_but(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	if (low > 0)
		syscall(SYS_close_range, 0u, low - 1, 0u);
	if (high > low + 1)
		syscall(SYS_close_range, low + 1, high - 1, 0u);
	syscall(SYS_close_range, high + 1, ~0u, 0u);
}

/* In the child.  0, or -1 with errno set. */
static int set_option(int fs, const char *option)
{
	const char *equals = strchr(option, '=');
	char key[OPTION_MAX];
	size_t n;

	if (!equals)
		return fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0);
	n = (size_t)(equals - option);
	memcpy(key, option, n);
	key[n] = '\0';
	return fsconfig(fs, FSCONFIG_SET_STRING, key, equals + 1, 0);
}

/* In the child.  Creates the mount: its descriptor, or -1 with errno set. */
static int create_mount(int fs, const struct fs_mount *m, bool try, const char *device)
{
	unsigned attributes = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	int i;

	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", device, 0) < 0)
		return -1;
	for (i = 0; m->options && m->options[i]; i++)
		if (set_option(fs, m->options[i]) < 0)
			return -1;
	if (try && (set_option(fs, "ro") < 0 || set_option(fs, "norecovery") < 0))
		return -1;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC, attributes | (try ? MOUNT_ATTR_RDONLY : 0));
}

/* In the child.  The message of the driver, if there is one: a letter, a blank, and why. */
static void read_kernel_text(int fs, char text[KERNEL_TEXT])
{
	int sys = errno;
	ssize_t n = read(fs, text, KERNEL_TEXT - 1);

	text[n > 0 ? n : 0] = '\0';
	errno = sys;
}

/* In the child.  Sets r->step to the step that is under way; -1: it failed with errno. */
static int mount_and_act(const struct fs_mount *m, bool try, const char *device, struct report *r)
{
	int fs, mount = -1, dir = -1, rc = -1, result = 0;

	r->step = STEP_OPEN;
	fs = fsopen(m->type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return -1;
	r->step = STEP_MOUNT;
	mount = create_mount(fs, m, try, device);
	if (mount < 0)
		read_kernel_text(fs, r->text);
	else
		dir = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		goto out;
	if (m->act && !try)
		result = m->act(dir, m->arg);
	r->step = STEP_SYNC;
	rc = try ? 0 : syncfs(dir);
out:
	r->sys = rc < 0 ? errno : result;
	/* The last of these waits until the filesystem is unmounted. */
	if (dir >= 0)
		close(dir);
	close(fs);
	if (mount >= 0)
		close(mount);
	return rc;
}

/* The child, from its beginning to its end. */
static void run_child(
	const struct fs_mount *m, bool try, const char *device, int report, pid_t parent)
{
	struct report r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	memset(&r, 0, sizeof(r));
	close_all_but(m->device, report);
	if (mount_and_act(m, try, device, &r) == 0)
		r.step = STEP_DONE;
	_exit(io_write(report, &r, sizeof(r)) < 0);
}

/*
 * Starts the child with all signals blocked, so that a Ctrl-C, which all processes of the terminal
 * get, does not end it: this process decides when it is killed.  Its pid, or -1 recorded.
 */
static pid_t start_child(const struct fs_mount *m, bool try, int report)
{
	pid_t parent = getpid(), pid;
	char device[PATH_MAX_DEVICE];
	sigset_t all, mask;
	int sys;

	snprintf(device, sizeof(device), "/proc/self/fd/%d", m->device);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	pid = fork();
	if (pid == 0)
		run_child(m, try, device, report, parent);
	sys = errno;
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	errno = sys;
	return pid < 0 ? err_sys("cannot start a process") : pid;
}

/* Waits until the child ends, but only for a while if it was killed. */
static void reap(pid_t pid, bool killed)
{
	struct deadline limit;
	pid_t got;

	deadline_set(&limit, KILLED_MS);
	for (;;) {
		got = waitpid(pid, NULL, killed ? WNOHANG : 0);
		if (got > 0 || (got < 0 && errno != EINTR))
			return;
		if (killed && deadline_wait(&limit) == 0)
			return;
		if (got == 0)
			poll(NULL, 0, FREE_POLL_MS);
	}
}

/* 0, or -1 recorded: the child has sent no report. */
static int read_report(pid_t pid, int fd, struct report *r)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = cancel_fd(), .events = POLLIN } };
	bool killed;

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	killed = p[1].revents && !p[0].revents;
	if (killed)
		kill(pid, SIGKILL);
	reap(pid, killed);
	if (killed)
		return err_set(ST_FAILED, "interrupted");
	if (io_read(fd, r, sizeof(*r)) != (ssize_t)sizeof(*r))
		return err_set(ST_FAILED, "the process that mounts the filesystem was killed");
	return 0;
}

/*
 * Waits until the device can be opened exclusively, so that no filesystem on it is mounted.  A
 * process that another thread has forked keeps the mount until it closes what it inherited.
 * 0, or -1 recorded.
 */
static int wait_until_free(int device)
{
	char path[PATH_MAX_DEVICE];
	struct deadline limit;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", device);
	deadline_set(&limit, FREE_MS);
	for (;;) {
		fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
		if (fd >= 0)
			break;
		if (errno != EBUSY)
			return err_sys("cannot open the block device");
		if (deadline_wait(&limit) == 0)
			return err_set(ST_BUSY, "its block device is in use");
		poll(NULL, 0, FREE_POLL_MS);
	}
	/* The driver does not read and write through the cache that other readers use. */
	ioctl(fd, BLKFLSBUF, 0);
	close(fd);
	return 0;
}

static enum status status_of_mount(int sys)
{
	switch (sys) {
	case EUCLEAN: /* the driver's word for a damaged filesystem, */
	case EBADMSG: /* and for a wrong checksum */
		return ST_CORRUPT;
	case EBUSY:
	case EEXIST:
		return ST_BUSY;
	case EINVAL:
	case EOPNOTSUPP:
		return ST_REFUSED;
	default:
		return err_status_of(sys);
	}
}

/* A hint for the user, in parentheses, or "". */
static const char *hint_of_mount(int sys)
{
	switch (sys) {
	case EEXIST:
		return " (see btrfs device scan --forget, in btrfs-device(8))";
	case EINVAL:
		return " (it may not support a feature of this filesystem, or its quotas)";
	default:
		return "";
	}
}

static int mount_failed(const struct fs_mount *m, struct report *r)
{
	char why[KERNEL_TEXT * 4];

	r->text[strcspn(r->text, "\n")] = '\0';
	text_safe(strlen(r->text) > 2 ? r->text + 2 : strerror(r->sys), why, sizeof(why));
	return err_set(status_of_mount(r->sys), "the kernel cannot mount its %s filesystem: %s%s",
		m->type, why, hint_of_mount(r->sys));
}

static int report_failed(const struct fs_mount *m, struct report *r)
{
	if (r->step == STEP_SYNC)
		return err_set(
			err_status_of(r->sys), "cannot sync it to disk: %s", strerror(r->sys));
	if (r->step == STEP_MOUNT)
		return mount_failed(m, r);
	if (r->sys == ENODEV)
		return err_set(
			ST_FAILED, "the kernel has no driver for %s, which is needed", m->type);
	if (r->sys == ENOSYS)
		return err_set(ST_FAILED,
			"the kernel is older than Linux 5.2, which %s needs to be resized",
			m->type);
	return err_set(err_status_of(r->sys), "cannot mount its %s filesystem: %s (%s)", m->type,
		strerror(r->sys), hint_sudo());
}

static int fork_and_wait(const struct fs_mount *m, bool try, int *result)
{
	struct report r = { .step = STEP_OPEN };
	int ends[2] = { -1, -1 }, rc = -1;
	struct err e;
	pid_t pid;

	if (wait_until_free(m->device) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys("cannot make a pipe");
	pid = start_child(m, try, ends[1]);
	close(ends[1]);
	if (pid < 0)
		goto out;
	rc = read_report(pid, ends[0], &r);
	if (rc == 0 && r.step != STEP_DONE)
		rc = report_failed(m, &r);
	err_take(&e);
	if (wait_until_free(m->device) < 0 && rc == 0)
		rc = -1;
	else
		err_put(&e);
	*result = r.sys;
out:
	close(ends[0]);
	return rc;
}

int fs_mount_run(const struct fs_mount *m, int *result)
{
	return fork_and_wait(m, false, result);
}

int fs_mount_try(const struct fs_mount *m)
{
	int none;

	return fork_and_wait(m, true, &none);
}
