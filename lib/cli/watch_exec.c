/*
 * watch_exec: the command is started by env(1), which sets its variables: the environment of this
 * process, in which other threads look things up, is never changed.
 */
#include "lib/cli/watch_exec.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/queue.h"

#define VARIABLES_MAX 32

struct watch_exec {
	const char *command, *location;
	struct queue queue; /* of struct buf *: the variables of an event */
	pthread_t thread;
	bool is_running; /* the thread */
};

struct watch_exec *watch_exec_new(const char *command, const char *location)
{
	struct watch_exec *x = calloc(1, sizeof(*x));

	if (!x) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	x->command = command;
	x->location = location;
	if (queue_init(&x->queue, WATCH_EXEC_WAITING) == 0)
		return x;
	free(x);
	return NULL;
}

static void free_variables(struct buf *b)
{
	if (b)
		buf_fini(b);
	free(b);
}

/* env NAME=VALUE... /bin/sh -c COMMAND */
static void make_words(const struct watch_exec *x, const struct buf *variables, const char **argv)
{
	const char *text = (const char *)variables->data, *end = text + variables->len;
	size_t n = 0;

	argv[n++] = "env";
	for (; text < end && n < VARIABLES_MAX; text += strlen(text) + 1)
		argv[n++] = text;
	argv[n++] = "/bin/sh";
	argv[n++] = "-c";
	argv[n++] = x->command;
	argv[n] = NULL;
}

static void warn_of_status(const struct watch_exec *x, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		log_warn("warning: %s: --exec: failed with status %d", x->location,
			WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		log_warn("warning: %s: --exec: killed by signal %d", x->location, WTERMSIG(status));
}

/* Standard output has only events, so what the command prints goes to standard error. */
static void run_command(const struct watch_exec *x, const struct buf *variables)
{
	const char *argv[VARIABLES_MAX + 5];
	int none = open("/dev/null", O_RDONLY | O_CLOEXEC), status = 0, ended;
	pid_t pid;

	make_words(x, variables, argv);
	pid = child_start_group(argv, none, STDERR_FILENO, -1);
	if (none >= 0)
		close(none);
	ended = pid < 0 ? -1 : child_wait_or_cancel(pid, WATCH_EXEC_MS, &status);
	if (ended > 0)
		warn_of_status(x, status);
	else if (ended < 0)
		log_warn("warning: %s: --exec: %s", x->location, err_text());
	else if (!cancel_is_set())
		log_warn("warning: %s: --exec: not finished after %d s, so it was ended",
			x->location, WATCH_EXEC_MS / 1000);
	if (pid > 0 && ended <= 0)
		child_end_group(pid);
	err_clear();
}

static void *run_commands(void *arg)
{
	struct watch_exec *x = arg;
	void *item;

	while (queue_get(&x->queue, &item) == 1) {
		if (!cancel_is_set())
			run_command(x, item);
		free_variables(item);
	}
	return NULL;
}

static int start_thread(struct watch_exec *x)
{
	int sys = x->is_running ? 0 : pthread_create(&x->thread, NULL, run_commands, x);

	if (sys)
		return err_set(ST_FAILED, "cannot start a thread: %s", strerror(sys));
	x->is_running = true;
	return 0;
}

void watch_exec_run(struct watch_exec *x, const struct buf *variables)
{
	struct buf *copy = calloc(1, sizeof(*copy));

	if (copy) {
		buf_init(copy);
		buf_add(copy, variables->data, variables->len);
	}
	if (!copy || buf_failed(copy) < 0 || start_thread(x) < 0)
		log_warn("warning: %s: --exec: %s", x->location, copy ? err_text() : "no memory");
	else if (queue_put(&x->queue, copy, 0) == 1)
		return;
	else
		log_warn("warning: %s: --exec: not run, since %d events are waiting for it",
			x->location, WATCH_EXEC_WAITING);
	free_variables(copy);
	err_clear();
}

void watch_exec_free(struct watch_exec *x)
{
	void *item;

	if (!x)
		return;
	queue_end(&x->queue);
	if (x->is_running)
		pthread_join(x->thread, NULL);
	while ((item = queue_try_get(&x->queue)))
		free_variables(item);
	queue_fini(&x->queue);
	free(x);
}
