/* Running programs: output, status, environment, descriptors, signals. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "tests/unit/tap.h"

static struct buf out, errors;

/* Runs a shell command and collects standard output and standard error. */
static int sh(const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct child c = { .argv = argv, .keep_fd = -1, .out = &out, .errors = &errors };

	buf_clear(&out);
	buf_clear(&errors);
	return child_run(&c);
}

static void test_output(void)
{
	is_int(sh("echo one; echo two >&2; exit 3"), 3, "the exit status");
	is_str(buf_str(&out), "one\n", "standard output");
	is_str(buf_str(&errors), "two\n", "standard error");
	is_int(sh("kill -KILL $$"), 128 + SIGKILL, "killed");
	is_int(sh("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero;"
		  "head -c 300000 /dev/zero >&2"),
		0, "much of both, in turns");
	is_int(out.len, 300000, "all output arrives");
	is_int(errors.len, 600000, "all errors, too");
	is_int(sh("cat"), 0, "standard input is empty");
	is_int(sh("sleep 1000 & echo $!"), 0, "a daemon that keeps the pipes is not waited for");
	kill(atoi(buf_str(&out)), SIGKILL);
	is_int(sh("head -c 17000000 /dev/zero"), -1, "too much output");
	ok(strstr(err_text(), "'sh'") && err_status() == ST_FAILED, "names the program");
}

static void test_dropped(void)
{
	const char *const argv[] = { "sh", "-c", "echo x; echo y >&2", NULL };
	struct child c = { .argv = argv, .keep_fd = -1 };

	is_int(child_run(&c), 0, "without buffers for the output");
	buf_clear(&out);
	c.out = &out;
	buf_adds(&out, "before ");
	is_int(child_run(&c), 0, "output alone is");
	is_str(buf_str(&out), "before x\n", "appended");
}

static void test_missing(void)
{
	const char *const argv[] = { "no-such-program-here", NULL };
	const char *const dir[] = { "/tmp", NULL };
	const char *const full[] = { "/nonexistent/program", NULL };
	struct child c = { .argv = argv, .keep_fd = -1 };

	err_clear();
	is_int(child_run(&c), -1, "a missing program");
	is_int(err_status(), ST_FAILED, "is a failure");
	is_str(err_text(),
		"cannot run 'no-such-program-here': command not found (is it installed?)",
		"that is named");
	c.argv = dir;
	is_int(child_run(&c), -1, "a directory is none");
	is_str(err_text(), "cannot run '/tmp': Permission denied", "and named");
	c.argv = full;
	is_int(child_run(&c), -1, "a missing path");
	is_str(err_text(), "cannot run '/nonexistent/program': No such file or directory",
		"is named");
	is_int(child_start(argv, -1, -1, -1), -1, "none to start, either");
	is_int(child_start(full, -1, -1, -1), -1, "nor by path");
	is_int(err_status(), ST_FAILED, "recorded");
	is_int(waitpid(-1, NULL, WNOHANG), -1, "no child is left behind");
}

static void test_environment(void)
{
	setenv("IMG_SECRET", "x", 1);
	setenv("HOME", "/some/home", 1);
	is_int(sh("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort"), 0, "env runs");
	is_str(buf_str(&out), "HOME=/some/home\nLC_ALL=C\nPATH=" CHILD_PATH "\n",
		"there are only three variables");
	unsetenv("HOME");
	is_int(sh("echo ${HOME-none}"), 0, "without a home");
	is_str(buf_str(&out), "none\n", "there is none");
}

static void test_descriptors(void)
{
	const char *const argv[] = { "sh", "-c", "cd /proc/self/fd; echo *; readlink 777", NULL };
	const char *const input[] = { "readlink", "/proc/self/fd/0", NULL };
	struct child c = { .argv = argv, .keep_fd = 777, .out = &out };
	int leak = open("/dev/null", O_RDONLY);
	int kept = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	dup3(kept, 777, O_CLOEXEC);
	buf_clear(&out);
	is_int(child_run(&c), 0, "with a descriptor to keep");
	ok(strstr(buf_str(&out), " 777\n/dev/zero\n") != NULL, "the kept descriptor is open");
	buf_clear(&out);
	sh("[ -e /proc/self/fd/777 ] || echo gone; ls /proc/self/fd | wc -l");
	is_str(buf_str(&out), "gone\n4\n", "no other descriptor is open (3 is the one of ls)");
	ok(fcntl(777, F_GETFD) & FD_CLOEXEC, "here it is close-on-exec as before");
	close(777);
	c.argv = input;
	c.keep_fd = -1;
	c.in_fd = kept;
	buf_clear(&out);
	is_int(child_run(&c), 0, "with a descriptor as its standard input");
	is_str(buf_str(&out), "/dev/zero\n", "that is its standard input");
	ok(fcntl(kept, F_GETFD) & FD_CLOEXEC, "it is still open here");
	close(kept);
	close(leak);
}

static void test_signals(void)
{
	sigset_t set, old;
	char *end;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	/* Only the first 31 signals: 32 and 33 belong to the C library, and our parent may have
	 * set them to be ignored. */
	is_int(sh("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2"), 0, "looking");
	is_int(strtoull(buf_str(&out), &end, 16) & 0x7fffffff, 0, "no signal is blocked");
	is_int(strtoull(end, NULL, 16) & 0x7fffffff, 0, "no signal is ignored");
	is_int(sh("kill -TERM $$"), 128 + SIGTERM, "TERM arrives");
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	ok(sigismember(&set, SIGTERM), "here the mask is as before");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	signal(SIGHUP, SIG_IGN);
	is_int(sh("kill -HUP $$; exit 5"), 5, "an ignored HUP stays ignored, as under nohup");
	signal(SIGHUP, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGCHLD, SIG_IGN);
	is_int(sh("exit 6"), 6, "the status survives an ignored SIGCHLD");
	signal(SIGCHLD, SIG_DFL);
}

static void test_session(void)
{
	const char *const argv[] = { "sh", "-c", "cut -d' ' -f6 /proc/$$/stat; echo $$", NULL };
	struct child c = { .argv = argv, .keep_fd = -1, .out = &out };
	int session = -1, pid = -2;

	c.own_session = true;
	buf_clear(&out);
	is_int(child_run(&c), 0, "in a session of its own");
	sscanf(buf_str(&out), "%d %d", &session, &pid);
	is_int(session, pid, "whose leader it is");
}

static void test_start(void)
{
	const char *const argv[] = { "sh", "-c", "cat; echo $IMG_SECRET; cat <&3", NULL };
	int in[2], back[2], extra[2], status = -1;
	char got[64] = "";
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(back, O_CLOEXEC) || pipe2(extra, O_CLOEXEC)) {
		ok(0, "pipes");
		return;
	}
	pid = child_start(argv, in[0], back[1], extra[0]);
	ok(pid > 0, "a program starts");
	close(in[0]);
	close(back[1]);
	close(extra[0]);
	is_int(child_wait(pid, 0, &status), 0, "and runs");
	is_int(child_wait(pid, 20, &status), 0, "for longer");
	io_write(in[1], "in\n", 3);
	io_write(extra[1], "extra\n", 6);
	close(in[1]);
	close(extra[1]);
	io_read(back[0], got, sizeof(got) - 1);
	close(back[0]);
	is_str(got, "in\nx\nextra\n", "both inputs, and our environment");
	is_int(child_wait(pid, 60000, &status), 1, "it ends in time");
	is_int(status, 0, "well");
	err_clear();
	is_int(child_wait(pid, 10, &status), -1, "it cannot be waited for twice");
	is_int(err_status(), ST_FAILED, "which is an error");
	pid = child_start((const char *const[]){ "false", NULL }, -1, -1, -1);
	is_int(child_wait(pid, -1, &status), 1, "waiting for ever");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "gives the status");
}

/* The program stops this process for longer than it is waited for, and for a stop to be noticed. */
static void test_stopped_wait(void)
{
	static const char script[] =
		"kill -STOP $PPID; sleep 5; kill -CONT $PPID; sleep 0.3; exit 4";
	const char *const argv[] = { "sh", "-c", script, NULL };
	int status = 0;
	pid_t pid = child_start(argv, -1, -1, -1);

	is_int(child_wait(pid, 3000, &status), 1, "the time while stopped does not count");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 4, "and the program has ended by itself");
}

/* Each descriptor to hand over has the number of another one's target. */
static int crossed(void)
{
	static const char script[] = "read a; read b <&3; echo $a-$b";
	const char *const argv[] = { "sh", "-c", script, NULL };
	int first[2], second[2], back[2], status = -1;
	char got[16] = "";

	if (pipe(first) || pipe(second) || pipe(back))
		return 1;
	io_write(first[1], "0\n", 2);
	io_write(second[1], "3\n", 2);
	dup2(first[0], 3 + 97);
	dup2(second[0], 0);
	dup2(3 + 97, 3);
	status = child_wait(child_start(argv, 3, back[1], 0), -1, &status);
	if (status != 1 || read(back[0], got, sizeof(got) - 1) != 4)
		return 2;
	return strcmp(got, "0-3\n") != 0;
}

static void test_crossed(void)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(crossed());
	waitpid(pid, &status, 0);
	is_int(status, 0, "descriptors with the numbers of each other's targets");
}

/* A program that takes too long is killed, with its own children. */
static void test_limit(void)
{
	const char *slow[] = { "sh", "-c", "echo begun; sleep 1000 & wait", NULL };
	const char *deaf[] = { "sh", "-c", "exec >&- 2>&-; trap '' TERM; sleep 1000", NULL };
	const char *quick[] = { "sh", "-c", "exit 3", NULL };
	struct child c = {
		.argv = slow, .keep_fd = -1, .own_session = true, .limit_ms = 300, .out = &out
	};

	buf_clear(&out);
	is_int(child_run(&c), -1, "a program that takes too long");
	is_str(err_text(), "'sh' was killed: it took longer than 0 s", "is named");
	is_str(buf_str(&out), "begun\n", "with what it printed");
	c.argv = deaf;
	is_int(child_run(&c), -1, "one that has closed its output");
	c.argv = quick;
	c.limit_ms = 60000;
	is_int(child_run(&c), 3, "a program that takes less");
}

/* A program that ends with its job, and that this process does not outlive. */
static void test_limits(void)
{
	const char *const busy[] = { "sh", "-c", "while :; do :; done", NULL };
	const char *const large[] = { "sh", "-c", "ulimit -v; ulimit -t; ulimit -c", NULL };
	struct child c = { .argv = busy, .keep_fd = -1, .ends_with_job = true, .processor_s = 1 };

	is_int(child_run(&c), -1, "a program that computes for too long");
	is_str(err_text(), "'sh' was killed: it took more than 1 s of processor time", "is named");
	c.argv = large;
	c.memory = 1 << 30;
	c.processor_s = 7;
	c.out = &out;
	buf_clear(&out);
	is_int(child_run(&c), 0, "a program within its limits");
	is_str(buf_str(&out), "1048576\n7\n0\n", "which it has");
}

static void test_stop(void)
{
	const char *argv[] = { "sh", "-c", "echo no BAD >&2; echo BAD 1 >&2; sleep 1000", NULL };
	const char *many[] = { "sh", "-c",
		"head -c 20000000 /dev/zero | tr '\\0' '\\n' >&2; exit 3", NULL };
	struct child c = { .argv = argv,
		.keep_fd = -1,
		.ends_with_job = true,
		.errors = &errors,
		.stop_at = "BAD" };

	buf_clear(&errors);
	is_int(child_run(&c), CHILD_STOPPED, "stopped by a line of standard error");
	is_str(buf_str(&errors), "no BAD\nBAD 1\n", "which is kept");
	c.argv = many;
	buf_clear(&errors);
	is_int(child_run(&c), 3, "many other lines");
}

/* Runs a program until it is cancelled, and prints the program's process group. */
static int cancelled(int to)
{
	char script[100];
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct child c = { .argv = argv, .keep_fd = to, .ends_with_job = true };
	int64_t begin = io_now_ms();

	snprintf(script, sizeof(script),
		"trap '' TERM; sleep 1000 & echo $$ >&%d; kill -TERM $PPID; wait; sleep 1000", to);
	cancel_init();
	cancel_on_signals();
	if (child_run(&c) != -1 || strcmp(err_text(), "interrupted") != 0)
		return 1;
	return io_now_ms() - begin > 20000 ? 2 : 0;
}

/* Runs a program that kills this process. */
static int killed(int to)
{
	char script[100];
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct child c = { .argv = argv, .keep_fd = to, .ends_with_job = true };

	snprintf(script, sizeof(script), "echo $$ >&%d; kill -KILL $PPID; exec sleep 1000", to);
	return child_run(&c);
}

/* Runs f in a process of its own, and waits until nothing has its pipe open any more. */
static void test_end(int (*f)(int to), int want, const char *what)
{
	char text[32] = "", rest;
	int end[2], status = -1;
	ssize_t n;
	pid_t pid;

	if (pipe(end) < 0)
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		close(end[0]);
		_exit(f(dup3(end[1], 9, O_CLOEXEC)));
	}
	close(end[1]);
	n = read(end[0], text, sizeof(text) - 1);
	waitpid(pid, &status, 0);
	is_int(status, want, what);
	ok(n > 0 && read(end[0], &rest, 1) == 0, "its program ends, and what that has started");
	close(end[0]);
}

int main(void)
{
	io_std_open();
	buf_init(&out);
	buf_init(&errors);
	test_output();
	test_dropped();
	test_missing();
	test_environment();
	test_descriptors();
	test_signals();
	test_session();
	test_start();
	test_stopped_wait();
	test_crossed();
	test_limit();
	test_limits();
	test_stop();
	test_end(cancelled, 0, "cancelled while a program runs that ignores TERM");
	test_end(killed, SIGKILL, "killed while a program runs");
	buf_fini(&out);
	buf_fini(&errors);
	return tap_done();
}
