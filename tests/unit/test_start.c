/* start: how the child on this host ends. */
#include "lib/peer/start.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "tests/unit/tap.h"

static unsigned lines;

static void count_line(enum log_level level, const char *line, void *arg)
{
	(void)line;
	(void)arg;
	lines += level == LOG_LEVEL_WARN;
}

/* A child that does not end by itself. */
static pid_t start_pausing(struct started *s, bool is_transport)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause();
	}
	*s = (struct started){ .fd = -1, .pid = pid, .is_transport = is_transport };
	return pid;
}

int main(void)
{
	struct started s;
	int status = 0;
	pid_t pid;

	log_route(count_line, NULL);
	pid = start_pausing(&s, false);
	start_end(&s, 1, true);
	is_int(waitpid(pid, &status, WNOHANG), 0, "a helper that is at work goes on");
	is_int(lines, 1, "and that is told");
	s.pid = pid;
	start_end(&s, 1, false);
	ok(waitpid(pid, &status, 0) < 0 && errno == ECHILD, "one that did not start is killed");
	pid = start_pausing(&s, true);
	start_end(&s, 1, true);
	ok(waitpid(pid, &status, 0) < 0 && errno == ECHILD, "and so is what only connects");
	is_int(lines, 1, "without a word");
	return tap_done();
}
