/*
 * start_shell: starts a shell, on this or another host, and the helper in it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/peer/bootstrap.h"
#include "lib/peer/defaults.h"
#include "lib/peer/start.h"

#define RSH_WORDS_MAX 32
#define READY_MS 30000 /* between two lines of the dialogue */

/*
 * Starts a child that has one socket as its standard input and output.  The name
 * begins each line that it writes to standard error; NULL: nothing does.
 */
static int start_child(struct started *s, const char *const *argv, const char *name)
{
	int pair[2], errors = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys("cannot create a socket");
	s->fd = pair[0];
	s->errors = child_errors_open(name, &errors);
	if (s->errors)
		s->pid = child_start_errors(argv, pair[1], pair[1], errors);
	close(pair[1]);
	if (errors >= 0)
		close(errors);
	return s->pid < 0 ? err_set(ST_PEER, "%s", err_text()) : 0;
}

/* Runs COMMAND [-l USER] [-p PORT] HOST SCRIPT, as rsync does for its -e. */
static int start_rsh(
	struct started *s, const struct location *loc, const char *rsh, const char *script)
{
	const char *argv[RSH_WORDS_MAX + 8];
	char *words = strdup(rsh), *save, *word, port[8];
	int n = 0, r;

	if (!words)
		return err_set(ST_FAILED, "out of memory");
	for (word = strtok_r(words, " \t", &save); word && n < RSH_WORDS_MAX;
		word = strtok_r(NULL, " \t", &save))
		argv[n++] = word;
	if (n == 0 || word) {
		free(words);
		return err_set(ST_USAGE, "--rsh takes a command of 1 to %d words", RSH_WORDS_MAX);
	}
	if (loc->user) {
		argv[n++] = "-l";
		argv[n++] = loc->user;
	}
	if (loc->port) {
		snprintf(port, sizeof(port), "%u", loc->port);
		argv[n++] = "-p";
		argv[n++] = port;
	}
	argv[n++] = loc->host;
	argv[n++] = script;
	argv[n] = NULL;
	r = start_child(s, argv, loc->host);
	free(words);
	return r;
}

static int open_ssh(struct started *s, const struct location *loc, const struct peer_options *opt)
{
	struct ssh_options ssh = opt->ssh;
	char *config = NULL;

	if (!ssh.config_file && defaults_ssh_config(&config, opt) < 0)
		return -1;
	if (config)
		ssh.config_file = config;
	s->ssh = ssh_open(loc, &ssh);
	free(config);
	return s->ssh ? 0 : -1;
}

static int start_script(struct started *s, const struct location *loc,
	const struct peer_options *opt, const char *script)
{
	const char *const here[] = { "sh", "-c", script, NULL };

	if (!loc->host)
		return start_child(s, here, NULL);
	if (opt->rsh)
		return start_rsh(s, loc, opt->rsh, script);
	if (!s->ssh && open_ssh(s, loc, opt) < 0)
		return -1;
	s->fd = ssh_exec(s->ssh, script);
	return s->fd < 0 ? -1 : 0;
}

/* Adds what the remote shell or SSH said to the error, which only says that it failed. */
static void start_explain(struct started *s)
{
	char *said, *end;

	if (!s->ssh || err_status() != ST_PEER)
		return;
	said = ssh_stderr(s->ssh);
	if (said && *said) {
		end = strstr(said, "\\n"); /* an escaped newline: the first line is enough */
		if (end)
			*end = '\0';
		err_set(ST_PEER, "%s: %s", err_text(), said);
	} else if (*ssh_lost_why(s->ssh)) {
		err_set(ST_PEER, "%s: %s", err_text(), ssh_lost_why(s->ssh));
	}
	free(said);
}

/* One try with the helper for one architecture. */
static enum bootstrap_end try_arch(struct started *s, const struct location *loc,
	const struct peer_options *opt, const char *arch, char wanted[BOOTSTRAP_ARCH_MAX])
{
	bool as_root = opt->sudo & (loc->host ? PEER_SUDO_PEERS : PEER_SUDO_HERE);
	int timeout = opt->rsh ? 0 : READY_MS;
	enum bootstrap_end end = BOOTSTRAP_FAILED;
	struct helper_file h;
	char *script, *config = NULL;

	if (opt->ssh.timeout_s)
		timeout = opt->ssh.timeout_s * 1000;
	if (helper_file_read(&h, arch) < 0)
		return BOOTSTRAP_FAILED;
	/* --config names a file of this host, and --helper one of the remote host. */
	if (!loc->host && opt->config && !(config = realpath(opt->config, NULL))) {
		err_set(ST_USAGE, "cannot read the configuration '%s': %s", opt->config,
			strerror(errno));
		helper_file_fini(&h);
		return BOOTSTRAP_FAILED;
	}
	script = bootstrap_command(&h, as_root, loc->host ? opt->helper : NULL, config);
	free(config);
	if (script && start_script(s, loc, opt, script) == 0) {
		end = bootstrap_run(s->fd, &h, timeout, wanted);
		if (end == BOOTSTRAP_FAILED)
			start_explain(s);
	}
	free(script);
	helper_file_fini(&h);
	return end;
}

static void end_child(struct started *s, int timeout_ms)
{
	int status;

	if (s->pid > 0 && child_wait(s->pid, timeout_ms, &status) == 0) {
		kill(s->pid, SIGKILL);
		child_wait(s->pid, -1, &status);
	}
	s->pid = -1;
	child_errors_close(s->errors);
	s->errors = NULL;
}

int start_shell(struct started *s, const struct location *loc, const struct peer_options *opt)
{
	char arch[BOOTSTRAP_ARCH_MAX], again[BOOTSTRAP_ARCH_MAX];
	enum bootstrap_end end = try_arch(s, loc, opt, NULL, arch);

	if (end == BOOTSTRAP_ARCH) {
		close(s->fd);
		s->fd = -1;
		end_child(s, PEER_CLOSE_MS);
		end = try_arch(s, loc, opt, arch, again);
		if (end == BOOTSTRAP_ARCH)
			err_set(ST_PEER,
				"cannot start the helper: the remote host first said that its "
				"machine is '%s', then '%s'",
				arch, again);
	}
	return end == BOOTSTRAP_READY ? 0 : -1;
}

void start_end(struct started *s, int timeout_ms)
{
	end_child(s, timeout_ms);
	ssh_close(s->ssh);
	s->ssh = NULL;
}
