/* run: owners that are alive, owners that have ended, and owners of other hosts. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/run.h"
#include "tests/unit/tap.h"

/* The identity with its nth part replaced. */
static const char *with(const char *run, int n, const char *word)
{
	static char out[2 * RUN_TEXT_MAX];
	char copy[RUN_TEXT_MAX], *p = copy, *part;
	int i;

	snprintf(copy, sizeof(copy), "%s", run);
	out[0] = '\0';
	for (i = 0; (part = strsep(&p, ":")); i++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", i ? ":" : "",
			i == n ? word : part);
	return out;
}

static void test_child(void)
{
	char child[RUN_TEXT_MAX];
	int up[2];
	pid_t pid;
	ssize_t n;

	if (pipe(up) < 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		if (run_self(child) < 0 || write(up[1], child, sizeof(child)) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	n = read(up[0], child, sizeof(child));
	ok(n == (ssize_t)sizeof(child), "another process");
	is_int(run_state(child), RUN_ALIVE, "is alive");
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	is_int(run_state(child), RUN_DEAD, "killed and not yet reaped, it is dead");
	waitpid(pid, NULL, 0);
	is_int(run_state(child), RUN_DEAD, "and after that");
}

int main(void)
{
	const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:";
	char self[RUN_TEXT_MAX], long_one[2 * RUN_TEXT_MAX];

	is_int(run_self(self), 0, "this process has an identity");
	ok(self[strspn(self, allowed)] == '\0', "that LVM allows in a tag");
	is_int(run_state(self), RUN_ALIVE, "it is alive");
	is_int(run_state(with(self, 0, "other")), RUN_ALIVE, "also if the host is renamed");
	is_int(run_state(with(self, 4, "1")), RUN_DEAD, "an earlier process with its number");
	is_int(run_state(with(self, 3, "999999999")), RUN_DEAD, "a number that no process has");
	is_int(run_state(with(self, 1, "before")), RUN_DEAD, "before a reboot");
	is_int(run_state(with(with(self, 1, "x"), 0, "other")), RUN_FOREIGN, "on another host");
	ok(run_is_elsewhere(with(with(self, 1, "x"), 0, "other")), "and so it is elsewhere");
	ok(!run_is_elsewhere(self) && !run_is_elsewhere(with(self, 0, "other")) &&
			!run_is_elsewhere(with(self, 1, "x")) && !run_is_elsewhere("x"),
		"which no other identity is");
	is_int(run_state(with(self, 2, "1")), RUN_FOREIGN, "in another container");
	is_int(run_state(with(self, 3, "1/../1")), RUN_FOREIGN, "no number");
	is_int(run_state(""), RUN_FOREIGN, "an empty text");
	is_int(run_state("a:b:c:1"), RUN_FOREIGN, "a part too few");
	is_int(run_state(with(self, 4, "1:2")), RUN_FOREIGN, "a part too many");
	memset(long_one, 'a', sizeof(long_one));
	long_one[sizeof(long_one) - 1] = '\0';
	is_int(run_state(long_one), RUN_FOREIGN, "too long");
	test_child();
	return tap_done();
}
