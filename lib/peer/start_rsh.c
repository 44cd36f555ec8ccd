/*
 * start_rsh: runs a command on another host through another program: that of --rsh,
 * or the user's ssh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/peer/start.h"
#include "lib/ssh/ssh_query.h"

#define CONNECT_S 30 /* ssh's limit, unless --timeout or its configuration has another one */
#define QUERY_MS 30000
#define WORDS_MAX 32
#define ARGS_MAX (32 + SSH_ARGUMENTS_MAX)

/* What ssh says if another try would fail, too.  Its status is that of a lost connection. */
static const char *const refusals[] = { "Permission denied", "Host key verification failed",
	"Too many authentication failures", "Bad configuration option", "Bad owner or permissions",
	NULL };

int start_child(struct started *s, const char *const *argv, const char *name)
{
	int pair[2], errors = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys("cannot create a socket");
	s->fd = pair[0];
	s->errors = child_errors_open(name, refusals, &errors);
	if (s->errors)
		s->pid = child_start_errors(argv, pair[1], pair[1], errors, s->is_transport);
	close(pair[1]);
	if (errors >= 0)
		close(errors);
	return s->pid < 0 ? err_set(ST_PEER, "%s", err_text()) : 0;
}

/*
 * Splits text at blanks, in place.  Quotes keep blanks, and a doubled quote within
 * quotes is one, as in rsync's -e.  The number of words, or -1 with ST_USAGE recorded.
 */
static int split_words(char *text, const char *word[WORDS_MAX])
{
	char *from = text, *to = text, quote = 0;
	int n = 0;

	for (;;) {
		from += strspn(from, " \t");
		if (!*from)
			return n ? n : err_set(ST_USAGE, "--rsh takes a command, not nothing");
		if (n == WORDS_MAX)
			return err_set(
				ST_USAGE, "--rsh takes a command of 1 to %d words", WORDS_MAX);
		word[n++] = to;
		while (*from && (quote || (*from != ' ' && *from != '\t'))) {
			if (!quote && (*from == '\'' || *from == '"'))
				quote = *from;
			else if (quote && *from == quote && from[1] != quote)
				quote = 0;
			else
				*to++ = quote && *from == quote ? *from++ : *from;
			from++;
		}
		if (quote)
			return err_set(ST_USAGE, "--rsh: the closing %c is missing", quote);
		from += *from ? 1 : 0;
		*to++ = '\0';
	}
}

int start_rsh_check(const char *rsh)
{
	const char *argv[WORDS_MAX];
	char *words = strdup(rsh);
	int n = words ? split_words(words, argv) : err_set(ST_FAILED, "out of memory");

	free(words);
	return n < 0 ? -1 : 0;
}

int start_rsh(struct started *s, const struct location *loc, const struct peer_options *opt,
	const char *command)
{
	const char *argv[WORDS_MAX + 8];
	char *words = strdup(opt->rsh), port[16];
	unsigned number;
	int n, r;

	if (!words)
		return err_set(ST_FAILED, "out of memory");
	n = split_words(words, argv);
	if (n < 0) {
		free(words);
		return -1;
	}
	if (loc->user) {
		argv[n++] = "-l";
		argv[n++] = loc->user;
	}
	number = loc->port ? loc->port : opt->ssh.port;
	if (number) {
		snprintf(port, sizeof(port), "%u", number);
		argv[n++] = "-p";
		argv[n++] = port;
	}
	argv[n++] = loc->host;
	argv[n++] = command;
	argv[n] = NULL;
	s->is_transport = true;
	r = start_child(s, argv, loc->host);
	free(words);
	return r;
}

/* What the configuration may say for other uses of ssh, and what would break this one. */
static const char *const always[] = { "-T", "-x", "-oRemoteCommand=none",
	"-oClearAllForwardings=yes", "-oPermitLocalCommand=no", "-e", "none" };
static const char *const later[] = { "-oForkAfterAuthentication=no", "-oStdinNull=no",
	"-oSessionType=default" };

/* Whether the configuration limits how long ssh tries to connect.  If it cannot be read, ssh tells.
 */
static bool limits_connecting(
	const struct location *loc, const struct ssh_options *opt, bool knows_later)
{
	const char *args[SSH_QUERY_ARGS] = { "-T", "-G" };
	struct ssh_arguments a;
	struct buf out = BUF_INIT;
	bool does = true;
	size_t i;
	int n = 2;

	/* Without a command, ssh -G refuses ForkAfterAuthentication. */
	for (i = 0; i < sizeof(later) / sizeof(*later) && knows_later; i++)
		args[n++] = later[i];
	n += ssh_arguments_put(&a, args + n, loc, opt);
	args[n++] = "--";
	args[n] = loc->host;
	if (ssh_query_run(args, &out, QUERY_MS) == 1)
		does = !strstr(buf_str(&out), "\nconnecttimeout none\n");
	err_clear();
	buf_fini(&out);
	return does;
}

int start_openssh(struct started *s, const struct location *loc, const struct ssh_options *opt,
	const char *command)
{
	const char *argv[ARGS_MAX] = { "ssh" };
	struct ssh_arguments a;
	bool knows_later = ssh_query_knows_session_options();
	char timeout[40];
	size_t i;
	int n = 1;

	for (i = 0; i < sizeof(always) / sizeof(*always); i++)
		argv[n++] = always[i];
	for (i = 0; i < sizeof(later) / sizeof(*later) && knows_later; i++)
		argv[n++] = later[i];
	if (opt->timeout_s || !limits_connecting(loc, opt, knows_later)) {
		snprintf(timeout, sizeof(timeout), "-oConnectTimeout=%d",
			opt->timeout_s ? opt->timeout_s : CONNECT_S);
		argv[n++] = timeout;
	}
	n += ssh_arguments_put(&a, argv + n, loc, opt);
	argv[n++] = "--";
	argv[n++] = loc->host;
	argv[n++] = command;
	argv[n] = NULL;
	s->is_transport = true;
	return start_child(s, argv, loc->host);
}
