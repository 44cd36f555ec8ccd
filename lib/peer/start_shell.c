/*
 * start_shell: starts a shell, on this or another host, and the helper in it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/peer/bootstrap.h"
#include "lib/peer/defaults.h"
#include "lib/peer/start.h"
#include "lib/ssh/ssh_tty.h"

#define ANSWER_MS 30000	 /* until the shell answers, unless --timeout says something else */
#define LOGIN_MS 60000	 /* the same of a program that also connects and logs in */
#define PROMPT_MS 180000 /* and may prompt for that: sshd itself waits for 2 minutes */
#define SEND_MS 60000	 /* until the helper has been sent and is ready */
#define KILL_MS 1000
#define SSH_FAILED 255 /* ssh's exit status if there is no connection */

/* Through the program, whose configuration is its own; but a file that cannot be read is told. */
static int start_program(struct started *s, const struct location *loc,
	const struct peer_options *opt, const char *script)
{
	struct defaults d;

	if (defaults_read(&d, opt) < 0)
		return -1;
	defaults_fini(&d);
	return start_rsh(s, loc, opt, script);
}

/* Through the built-in client or, if that cannot do what the host needs, the user's ssh. */
static int start_ssh(struct started *s, const struct location *loc, const struct peer_options *opt,
	const char *script)
{
	struct ssh_options ssh = opt->ssh;
	struct ssh_failure why = { .may_retry = false };
	struct defaults d;
	int r = -1;

	if (defaults_read(&d, opt) < 0)
		return -1;
	if (!ssh.config_file)
		ssh.config_file = d.ssh_config;
	if (d.client == DEFAULTS_OPENSSH) {
		r = start_openssh(s, loc, &ssh, script);
		goto out;
	}
	ssh.may_leave = d.client == DEFAULTS_AUTO && child_is_in_path("ssh");
	if (!s->ssh)
		s->ssh = ssh_open(loc, &ssh, &why);
	s->may_retry = why.may_retry;
	if (!s->ssh && *why.beyond && ssh.may_leave) {
		log_info("%s: using ssh, because the built-in client does not support %s",
			loc->host, why.beyond);
		err_clear();
		r = start_openssh(s, loc, &ssh, script);
	} else if (s->ssh) {
		s->fd = ssh_exec(s->ssh, script);
		r = s->fd < 0 ? -1 : 0;
	}
out:
	defaults_fini(&d);
	return r;
}

static int start_script(struct started *s, const struct location *loc,
	const struct peer_options *opt, const char *script)
{
	const char *const here[] = { "sh", "-c", script, NULL };

	if (!loc->host)
		return start_child(s, here, NULL);
	if (opt->rsh)
		return start_program(s, loc, opt, script);
	return start_ssh(s, loc, opt, script);
}

/*
 * The last line of text in which newlines are escaped, without empty ones after it: why the shell
 * failed.  Before it may be what the login scripts said.
 */
static const char *last_line(char *text)
{
	size_t len = strlen(text);
	const char *line = text, *next;

	while (len >= 2 && text[len - 2] == '\\' && strchr("nr", text[len - 1]))
		text[len -= 2] = '\0';
	while ((next = strstr(line, "\\n")))
		line = next + 2;
	return line;
}

/* Adds what the remote shell or SSH said to the error, which only says that it failed. */
static void start_explain(struct started *s)
{
	const char *line;
	char *said;

	if (!s->ssh || err_status() != ST_PEER)
		return;
	said = ssh_stderr(s->ssh);
	line = said ? last_line(said) : "";
	if (*line) {
		err_set(ST_PEER, "%s: %s", err_text(), line);
	} else if (*ssh_lost_why(s->ssh)) {
		err_set(ST_PEER, "%s: %s", err_text(), ssh_lost_why(s->ssh));
	}
	free(said);
}

/* The limits of the dialogue. */
static struct bootstrap_limits start_limits(const struct started *s, const struct peer_options *opt)
{
	int given = opt->ssh.timeout_s * 1000;

	if (given)
		return (struct bootstrap_limits){ given, given };
	if (!s->is_transport)
		return (struct bootstrap_limits){ ANSWER_MS, SEND_MS };
	return (struct bootstrap_limits){ ssh_tty_can_ask() ? PROMPT_MS : LOGIN_MS, SEND_MS };
}

int start_config(char **out, const struct peer_options *opt)
{
	*out = opt->config ? realpath(opt->config, NULL) : NULL;
	if (opt->config && !*out)
		return err_set(ST_USAGE, "cannot read the configuration '%s': %s", opt->config,
			strerror(errno));
	return 0;
}

/* One try with the helper for one architecture. */
static enum bootstrap_end try_arch(struct started *s, const struct location *loc,
	const struct peer_options *opt, const char *arch, char wanted[BOOTSTRAP_ARCH_MAX])
{
	struct bootstrap_way way = { .as_root = opt->sudo &
						(loc->host ? PEER_SUDO_PEERS : PEER_SUDO_HERE),
		.is_local = !loc->host,
		.path = loc->host ? opt->helper : NULL };
	enum bootstrap_end end = BOOTSTRAP_FAILED;
	struct bootstrap_limits limits;
	struct helper_file h;
	char *script, *config = NULL;

	if (helper_file_read(&h, arch) < 0)
		return BOOTSTRAP_FAILED;
	/* --config names a file of this host, and --helper one of the remote host. */
	if (!loc->host && start_config(&config, opt) < 0) {
		helper_file_fini(&h);
		return BOOTSTRAP_FAILED;
	}
	way.config = config;
	script = bootstrap_command(&h, &way);
	free(config);
	if (script && start_script(s, loc, opt, script) == 0) {
		limits = start_limits(s, opt);
		end = bootstrap_run(s->fd, &h, &limits, wanted);
		if (end == BOOTSTRAP_FAILED)
			start_explain(s);
	}
	free(script);
	helper_file_fini(&h);
	return end;
}

/*
 * Ends the child.  One that connects to another host is asked first; a sudo of
 * another user cannot be killed and is left alone in the end.
 */
static void end_child(struct started *s, int timeout_ms, bool may_stay)
{
	int status = 0, ended = s->pid <= 0 || child_wait(s->pid, timeout_ms, &status) != 0;
	const bool by_itself = ended; /* ssh also exits with 255 when it is told to end */
	bool is_refused;

	if (!ended && may_stay && !s->is_transport) {
		log_warn("warning: the helper (process %d) has not ended yet: it still writes to "
			 "disk, and cleans up after that",
			(int)s->pid);
		s->pid = -1;
		ended = true;
	}
	if (!ended && s->is_transport) {
		kill(s->pid, SIGTERM);
		ended = child_wait(s->pid, KILL_MS, &status) != 0;
	}
	if (!ended) {
		kill(s->pid, SIGKILL);
		ended = child_wait(s->pid, KILL_MS, &status) != 0;
	}
	is_refused = child_errors_close(s->errors);
	s->errors = NULL;
	if (ended && s->pid > 0 && s->is_transport)
		s->may_retry = by_itself && !is_refused && WIFEXITED(status) &&
			       WEXITSTATUS(status) == SSH_FAILED;
	s->pid = -1;
}

int start_shell(struct started *s, const struct location *loc, const struct peer_options *opt)
{
	char arch[BOOTSTRAP_ARCH_MAX], again[BOOTSTRAP_ARCH_MAX];
	enum bootstrap_end end = try_arch(s, loc, opt, NULL, arch);

	if (end == BOOTSTRAP_ARCH) {
		close(s->fd);
		s->fd = -1;
		end_child(s, PEER_CLOSE_MS, false);
		end = try_arch(s, loc, opt, arch, again);
		if (end == BOOTSTRAP_ARCH)
			err_set(ST_PEER,
				"cannot start the helper: the remote host first said that its "
				"machine is '%s', then '%s'",
				arch, again);
	}
	return end == BOOTSTRAP_READY ? 0 : -1;
}

void start_end(struct started *s, int timeout_ms, bool may_stay)
{
	end_child(s, timeout_ms, may_stay);
	ssh_close(s->ssh);
	s->ssh = NULL;
}
