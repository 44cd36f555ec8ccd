/*
 * `ssh -G` prints lists of algorithms even if the user has not set them.  A list
 * that is the same without any configuration file is OpenSSH's default; then the
 * built-in client uses its own default.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/ssh/ssh_config.h"
#include "lib/ssh/ssh_jump.h"
#include "lib/ssh/ssh_keyword.h"
#include "lib/ssh/ssh_plain.h"
#include "lib/ssh/ssh_query.h"
#include "lib/ssh/ssh_token.h"

#define QUERY_TIMEOUT 30000 /* ms; a Match exec may take long */

static void list_free(char **list)
{
	size_t i;

	for (i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

/* Where the comma-separated list contains word, or NULL. */
static const char *find_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strncasecmp(list, word, len) == 0 && (list[len] == ',' || !list[len]))
			return list;
	return NULL;
}

/* Sets *wanted to whether it is in the list.  Whether it comes after *last, which is updated. */
static bool take_method(const char *list, const char *name, bool *wanted, const char **last)
{
	const char *at = find_word(list, name);
	bool in_order = !at || at >= *last;

	*wanted = *wanted && at;
	if (*wanted)
		*last = at;
	return in_order || !*wanted;
}

/* The methods are tried in one order only. */
static int limit_methods(struct ssh_config *c, const char *methods)
{
	const char *last = methods;
	bool in_order = take_method(methods, "publickey", &c->pubkey_auth, &last);

	in_order &= take_method(methods, "keyboard-interactive", &c->kbdint_auth, &last);
	in_order &= take_method(methods, "password", &c->password_auth, &last);
	if (!in_order || (!c->pubkey_auth && !c->kbdint_auth && !c->password_auth))
		return ssh_keyword_refuse(c, "PreferredAuthentications");
	return 0;
}

static int expand_value(const struct ssh_config *c, const char *option, char **value)
{
	char *expanded = ssh_token_expand(c, option, *value, true);

	if (!expanded)
		return -1;
	free(*value);
	*value = expanded;
	return 0;
}

static int expand_list(const struct ssh_config *c, const char *option, char **list)
{
	size_t i;

	for (i = 0; list && list[i]; i++)
		if (expand_value(c, option, &list[i]) < 0)
			return -1;
	return 0;
}

static int expand_agent(struct ssh_config *c)
{
	const char *name = c->identity_agent, *set;

	if (!name || ssh_keyword_is_none(name))
		return 0;
	if (strcmp(name, "SSH_AUTH_SOCK") == 0)
		name = "$SSH_AUTH_SOCK";
	if (name[0] != '$' || name[1] == '{')
		return expand_value(c, "IdentityAgent", &c->identity_agent);
	set = getenv(name + 1);
	return ssh_keyword_set_string(&c->identity_agent, set && *set ? set : "none");
}

/* `ssh -G` prints known_hosts files expanded; old versions do not expand the '~'. */
static int expand_home_paths(const struct ssh_config *c, const char *option, char **list)
{
	size_t i;

	for (i = 0; list && list[i]; i++)
		if (list[i][0] == '~' && expand_value(c, option, &list[i]) < 0)
			return -1;
	return 0;
}

/* Sets what needs all lines: defaults, expansions and the proxy.  0, or -1 recorded. */
static int complete_config(
	struct ssh_config *c, const struct ssh_keyword_rest *p, const char *config_file)
{
	if (!c->hostname && ssh_keyword_set_string(&c->hostname, c->host) < 0)
		return -1;
	if (!c->user || !c->port)
		return err_set(ST_PEER, "ssh configuration: no user or port for '%s'", c->host);
	if (p->methods && limit_methods(c, p->methods) < 0)
		return -1;
	if (expand_list(c, "IdentityFile", c->identity) < 0 ||
		expand_list(c, "CertificateFile", c->certificate) < 0 || expand_agent(c) < 0 ||
		expand_home_paths(c, "UserKnownHostsFile", c->user_known_hosts) < 0 ||
		expand_home_paths(c, "GlobalKnownHostsFile", c->global_known_hosts) < 0)
		return -1;
	if (p->jump && !ssh_keyword_is_none(p->jump))
		return ssh_jump_set(c, p->jump, config_file);
	if (p->command && !ssh_keyword_is_none(p->command)) {
		c->proxy_command = ssh_token_expand(c, "ProxyCommand", p->command, false);
		return c->proxy_command ? 0 : -1;
	}
	return 0;
}

/* c is zeroed, but for failure and wants_background. */
static int parse_output(struct ssh_config *c, const char *text, size_t len, const char *host,
	const char *config_file)
{
	struct ssh_keyword_rest p = { NULL, NULL, NULL };
	char *copy = strndup(text, len), *line, *next;
	int rc = 0;

	c->resolved = true;
	c->connection_attempts = 1;
	c->family = AF_UNSPEC;
	c->password_prompts = 3;
	c->pubkey_auth = c->kbdint_auth = c->password_auth = true;
	if (!copy || ssh_keyword_set_string(&c->host, host) < 0) {
		free(copy);
		return err_set(ST_FAILED, "out of memory");
	}
	for (line = copy; line && rc == 0; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		rc = ssh_keyword_take(c, &p, line);
	}
	if (rc == 0)
		rc = complete_config(c, &p, config_file);
	free(copy);
	return rc;
}

int ssh_config_parse(struct ssh_config *c, const char *text, size_t len, const char *host)
{
	memset(c, 0, sizeof(*c));
	return parse_output(c, text, len, host, NULL);
}

/* Removes *list if it is OpenSSH's default. */
static void drop_default(char **list, const char *standard)
{
	if (*list && standard && strcmp(*list, standard) == 0) {
		free(*list);
		*list = NULL;
	}
}

static int drop_defaults(struct ssh_config *c)
{
	const char *args[] = { "-T", "-G", "-F", "/dev/null", "--", "host", NULL };
	struct ssh_config d = { .resolved = false };
	struct buf out = BUF_INIT;
	int rc = -1;

	if (ssh_query_run(args, &out, QUERY_TIMEOUT) < 0 ||
		parse_output(&d, buf_str(&out), out.len, "host", NULL) < 0)
		goto out;
	drop_default(&c->ciphers, d.ciphers);
	drop_default(&c->kex, d.kex);
	drop_default(&c->host_key_algorithms, d.host_key_algorithms);
	drop_default(&c->macs, d.macs);
	drop_default(&c->pubkey_accepted, d.pubkey_accepted);
	rc = 0;
out:
	ssh_config_fini(&d);
	buf_fini(&out);
	return rc;
}

void ssh_config_beyond(const struct ssh_config *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->failure)
		return;
	va_start(ap, fmt);
	vsnprintf(c->failure->beyond, sizeof(c->failure->beyond), fmt, ap);
	va_end(ap);
}

int ssh_arguments_put(struct ssh_arguments *a, const char **argv, const struct location *loc,
	const struct ssh_options *opt)
{
	uint16_t port = loc->port ? loc->port : opt->port;
	int n = 0, i;

	snprintf(a->port, sizeof(a->port), "%u", port);
	const char *const pair[][2] = { { "-F", opt->config_file }, { "-p", port ? a->port : NULL },
		{ "-l", loc->user }, { "-i", opt->identity }, { "-J", opt->jump } };

	for (i = 0; i < (int)(sizeof(pair) / sizeof(*pair)); i++) {
		if (!pair[i][1])
			continue;
		argv[n++] = pair[i][0];
		argv[n++] = pair[i][1];
	}
	for (i = 0; opt->option && opt->option[i] && i < SSH_OPTIONS_MAX; i++) {
		argv[n++] = "-o";
		argv[n++] = opt->option[i];
	}
	return n;
}

/*
 * Runs `ssh -G` for loc with the user's options.  Returns as ssh_query_run().
 * ForkAfterAuthentication makes ssh refuse to run without a command, so then it is
 * turned off; old versions do not know that option.
 */
static int query_host(const struct location *loc, const struct ssh_options *opt, struct buf *out,
	bool *wants_background)
{
	const char *args[SSH_QUERY_ARGS] = { "-T", "-G" };
	int timeout_ms = opt->timeout_s ? opt->timeout_s * 1000 : QUERY_TIMEOUT;
	struct ssh_arguments a;
	int n, r;

	for (*wants_background = false;; *wants_background = true) {
		n = 2;
		if (*wants_background)
			args[n++] = "-oForkAfterAuthentication=no";
		n += ssh_arguments_put(&a, args + n, loc, opt);
		args[n++] = "--";
		args[n++] = loc->host;
		args[n] = NULL;
		r = ssh_query_run(args, out, timeout_ms);
		if (r >= 0 || *wants_background || !strstr(err_text(), "fork into background"))
			return r;
		err_clear();
		buf_clear(out);
	}
}

int ssh_config_resolve(struct ssh_config *c, const struct location *loc,
	const struct ssh_options *opt, struct ssh_failure *why)
{
	struct buf out = BUF_INIT;
	int rc;

	memset(c, 0, sizeof(*c));
	c->failure = why;
	if (opt->identity && access(opt->identity, R_OK) < 0)
		return err_set(ST_USAGE, "identity file '%s' not accessible: %s", opt->identity,
			strerror(errno));
	rc = query_host(loc, opt, &out, &c->wants_background);
	if (rc < 0 && strstr(err_text(), SSH_QUERY_TERMINAL))
		ssh_config_beyond(c, "a Match exec that uses the terminal");
	if (rc == 0)
		rc = ssh_plain_resolve(c, loc, opt);
	else if (rc > 0 &&
		 (rc = parse_output(c, buf_str(&out), out.len, loc->host, opt->config_file)) == 0)
		rc = drop_defaults(c);
	buf_fini(&out);
	if (rc < 0)
		ssh_config_fini(c);
	return rc;
}

void ssh_config_fini(struct ssh_config *c)
{
	free(c->host);
	free(c->hostname);
	free(c->user);
	free(c->host_key_alias);
	free(c->proxy_command);
	list_free(c->identity);
	list_free(c->certificate);
	list_free(c->user_known_hosts);
	list_free(c->global_known_hosts);
	free(c->ciphers);
	free(c->kex);
	free(c->host_key_algorithms);
	free(c->macs);
	free(c->pubkey_accepted);
	free(c->identity_agent);
	free(c->bind_address);
	free(c->control_path);
	memset(c, 0, sizeof(*c));
}
