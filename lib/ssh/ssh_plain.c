/*
 * Options that libssh 0.10 ignores are searched for in the file by name only, under
 * any Host: an unnecessary refusal is better than a wrong identity.
 */
#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/ssh/ssh_plain.h"
#include "lib/ssh/ssh_token.h"

#define SYSTEM_CONFIG "/etc/ssh/ssh_config"
#define INCLUDES_MAX 16

static const char *const skipped[] = { "AddressFamily", "BatchMode", "BindAddress", "BindInterface",
	"CertificateFile", "ChallengeResponseAuthentication", "HostKeyAlgorithms", "HostKeyAlias",
	"IdentitiesOnly", "IdentityAgent", "KbdInteractiveAuthentication", "KnownHostsCommand",
	"PasswordAuthentication", "PKCS11Provider", "PreferredAuthentications", "ProxyJump",
	"ProxyUseFdpass", "PubkeyAuthentication", "RevokedHostKeys", "SecurityKeyProvider",
	"StrictHostKeyChecking" };

/* Of these it takes the first value only. */
static const char *const single[] = { "GlobalKnownHostsFile", "UserKnownHostsFile" };

static const char *const usual_identity[] = { "~/.ssh/id_ed25519", "~/.ssh/id_ecdsa",
	"~/.ssh/id_rsa" };

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Where a line is, for errors; depth: of the files that include it. */
struct at {
	const char *path;
	size_t line;
	unsigned depth;
};

static int check_file(const char *path, bool must_exist, unsigned depth);

static int refuse_line(const struct at *at, const char *what)
{
	return err_set(ST_PEER, "'%s' line %zu: %s needs OpenSSH's ssh, which is not installed",
		at->path, at->line, what);
}

/* libssh looks for a relative path in the current directory, ssh in that of its configuration. */
static int check_included(const struct at *at, const char *pattern)
{
	glob_t found;
	size_t i;
	int rc = 0;

	if (*pattern != '/' && *pattern != '~')
		return refuse_line(at, "Include of a relative path");
	if (at->depth == INCLUDES_MAX)
		return refuse_line(at, "so deep an Include");
	if (glob(pattern, GLOB_TILDE, NULL, &found) != 0)
		return 0;
	for (i = 0; rc == 0 && i < found.gl_pathc; i++)
		rc = check_file(found.gl_pathv[i], false, at->depth + 1);
	globfree(&found);
	return rc;
}

static const char *find_keyword(const char *const *names, size_t count, const char *word)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcasecmp(names[i], word) == 0)
			return names[i];
	return NULL;
}

/*
 * Refuses a line with an option that libssh ignores; changes the line.  0, or -1 with an error
 * recorded.
 */
static int check_line(const struct at *at, char *line)
{
	char *rest = line, *word = strtok_r(line, " \t\r\n=", &rest), *value;
	const char *name;

	if (!word)
		return 0;
	name = find_keyword(skipped, COUNT(skipped), word);
	if (name)
		return refuse_line(at, name);
	if (find_keyword(single, COUNT(single), word))
		return strtok_r(NULL, " \t\r\n=\"", &rest) && strtok_r(NULL, " \t\r\n", &rest)
			       ? refuse_line(at, "a list of files")
			       : 0;
	if (strcasecmp(word, "Include") != 0)
		return 0;
	while ((value = strtok_r(NULL, " \t\r\n=\"", &rest)))
		if (check_included(at, value) < 0)
			return -1;
	return 0;
}

static int check_file(const char *path, bool must_exist, unsigned depth)
{
	struct at at = { .path = path, .depth = depth };
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int rc = 0;

	if (!f)
		return must_exist ? err_set(ST_USAGE, "cannot open the ssh configuration '%s': %s",
					    path, strerror(errno))
				  : 0;
	for (at.line = 1; rc == 0 && getline(&line, &size, f) >= 0; at.line++)
		rc = check_line(&at, line);
	free(line);
	fclose(f);
	return rc;
}

int ssh_plain_read(ssh_session session, const char *config_file)
{
	if (ssh_options_parse_config(session, config_file) == 0)
		return 0;
	return err_set(ST_USAGE, "cannot read the ssh configuration '%s': %s",
		config_file ? config_file : "~/.ssh/config", ssh_get_error(session));
}

/* Makes a list of the one path that libssh has, or of the usual path. */
static int set_path(const struct ssh_config *c, ssh_session session, enum ssh_options_e what,
	const char *usual, char ***list)
{
	char *value = NULL, *path;

	ssh_options_get(session, what, &value);
	path = ssh_token_expand(c, "UserKnownHostsFile", value ? value : usual, true);
	ssh_string_free_char(value);
	*list = calloc(2, sizeof(**list));
	if (!path)
		return -1;
	if (!*list) {
		free(path);
		return err_set(ST_FAILED, "out of memory");
	}
	(*list)[0] = path;
	return 0;
}

static int set_identities(struct ssh_config *c, ssh_session session, const char *given)
{
	char *first = NULL;
	size_t n = 0, i;
	int rc = 0;

	c->identity = calloc(3 + COUNT(usual_identity), sizeof(*c->identity));
	if (!c->identity)
		return err_set(ST_FAILED, "out of memory");
	ssh_options_get(session, SSH_OPTIONS_IDENTITY, &first);
	if (given && !(c->identity[n++] = strdup(given)))
		rc = err_set(ST_FAILED, "out of memory");
	if (rc == 0 && first && strncmp(first, "%d/", 3) != 0 && /* "%d/": libssh's default */
		!(c->identity[n++] = ssh_token_expand(c, "IdentityFile", first, true)))
		rc = -1;
	for (i = 0; i < COUNT(usual_identity) && rc == 0 && !given; i++)
		if (!(c->identity[n++] =
				    ssh_token_expand(c, "IdentityFile", usual_identity[i], true)))
			rc = -1;
	ssh_string_free_char(first);
	return rc;
}

static int set_login(
	struct ssh_config *c, const struct location *loc, uint16_t given_port, ssh_session session)
{
	const struct passwd *pw = getpwuid(getuid());
	char *host = NULL, *user = NULL;
	unsigned int port = 22;

	ssh_options_get(session, SSH_OPTIONS_HOST, &host);
	ssh_options_get(session, SSH_OPTIONS_USER, &user);
	ssh_options_get_port(session, &port);
	c->port = loc->port ? loc->port : given_port ? given_port : (uint16_t)port;
	c->host = strdup(loc->host);
	c->hostname = strdup(host ? host : loc->host);
	c->user = strdup(loc->user ? loc->user : user ? user : pw ? pw->pw_name : "");
	ssh_string_free_char(host);
	ssh_string_free_char(user);
	return c->host && c->hostname && c->user ? 0 : err_set(ST_FAILED, "out of memory");
}

static int set_proxy(struct ssh_config *c, ssh_session session)
{
	char *command = NULL;

	if (ssh_options_get(session, SSH_OPTIONS_PROXYCOMMAND, &command) != SSH_OK)
		return 0;
	c->proxy_command = ssh_token_expand(c, "ProxyCommand", command, false);
	ssh_string_free_char(command);
	return c->proxy_command ? 0 : -1;
}

static int check_files(const struct ssh_config *c, const char *config_file)
{
	char *path;
	int rc;

	if (config_file)
		return check_file(config_file, true, 0);
	path = ssh_token_expand(c, "Include", "~/.ssh/config", true);
	if (!path)
		return -1;
	rc = check_file(path, false, 0);
	free(path);
	return rc < 0 ? -1 : check_file(SYSTEM_CONFIG, false, 0);
}

int ssh_plain_resolve(
	struct ssh_config *c, const struct location *loc, const struct ssh_options *opt)
{
	ssh_session session = ssh_new();
	int rc = -1;

	if (!session)
		return err_set(ST_FAILED, "out of memory");
	c->family = AF_UNSPEC;
	c->connection_attempts = 1;
	c->password_prompts = 3;
	c->pubkey_auth = c->kbdint_auth = c->password_auth = true;
	if (opt->jump || (opt->option && opt->option[0])) {
		err_set(ST_PEER, "--%s needs OpenSSH's ssh, which is not installed",
			opt->jump ? "jump" : "ssh-option");
		goto out;
	}
	if (check_files(c, opt->config_file) < 0)
		goto out;
	if (ssh_options_set(session, SSH_OPTIONS_HOST, loc->host) < 0) {
		err_set(ST_USAGE, "invalid host '%s': %s", loc->host, ssh_get_error(session));
		goto out;
	}
	if (ssh_plain_read(session, opt->config_file) < 0 ||
		set_login(c, loc, opt->port, session) < 0 || set_proxy(c, session) < 0 ||
		set_identities(c, session, opt->identity) < 0)
		goto out;
	rc = set_path(
		c, session, SSH_OPTIONS_KNOWNHOSTS, "~/.ssh/known_hosts", &c->user_known_hosts);
	if (rc == 0)
		rc = set_path(c, session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/etc/ssh/ssh_known_hosts",
			&c->global_known_hosts);
out:
	ssh_free(session);
	return rc;
}
