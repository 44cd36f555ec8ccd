/*
 * ssh_askpass: see ssh_askpass.h.
 */
#include "lib/ssh/ssh_askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/child.h"
#include "lib/base/err.h"

#define USUAL_PROGRAM "/usr/bin/ssh-askpass"
#define GRACE_MS 500 /* until the program is killed, after a failure */
#define END_MS 10000 /* the same, after its answer */

static const char *askpass_program(void)
{
	const char *program = getenv("SSH_ASKPASS");

	return program && *program ? program : USUAL_PROGRAM;
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

bool ssh_askpass_is_used(bool has_tty)
{
	const char *require = getenv("SSH_ASKPASS_REQUIRE");
	bool used = !has_tty && (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"));

	if (require && (strcasecmp(require, "force") == 0 || strcasecmp(require, "prefer") == 0))
		used = true;
	else if (require && strcasecmp(require, "never") == 0)
		used = false;
	return used && access(askpass_program(), X_OK) == 0;
}

/* Waits for the program to end, or kills it.  0, or -1 with an error recorded. */
static int end_program(pid_t pid, int rc)
{
	int status, ended;

	if (rc < 0)
		ended = child_wait(pid, GRACE_MS, &status);
	else
		ended = child_wait_or_cancel(pid, END_MS, &status);
	if (ended == 0) {
		kill(pid, SIGKILL);
		child_wait(pid, GRACE_MS, &status);
	}
	if (rc < 0 || ended < 0)
		return -1;
	if (ended == 0 && cancel_is_set())
		return err_set(ST_PEER, "interrupted");
	if (ended == 0)
		return err_set(ST_PEER,
			"'%s' (SSH_ASKPASS) was killed: it did not end within %d s of its answer",
			askpass_program(), END_MS / 1000);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(
		ST_PEER, "the prompt was cancelled in '%s' (SSH_ASKPASS)", askpass_program());
}

int ssh_askpass_ask(const char *prompt, char answer[SSH_TTY_ANSWER_MAX])
{
	const char *argv[] = { askpass_program(), prompt, NULL };
	int out[2] = { -1, -1 }, null, rc = -1;
	pid_t pid;

	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || pipe2(out, O_CLOEXEC) < 0) {
		err_set(ST_PEER, "cannot run '%s': %s", argv[0], strerror(errno));
		goto out;
	}
	pid = child_start(argv, null, out[1], -1);
	close(out[1]);
	out[1] = -1;
	if (pid < 0)
		goto out;
	rc = end_program(pid, ssh_tty_read_line(out[0], answer));
out:
	if (null >= 0)
		close(null);
	if (out[0] >= 0)
		close(out[0]);
	if (out[1] >= 0)
		close(out[1]);
	return rc;
}
