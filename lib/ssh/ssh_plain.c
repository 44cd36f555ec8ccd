/*
 * Options that libssh 0.10 ignores are searched for in the file by name only, under
 * any Host: an unnecessary refusal is better than a wrong identity.
 */
#include <ctype.h>
#include <errno.h>
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

static const char *const skipped[] = { "AddressFamily", "BindAddress", "BindInterface",
	"CertificateFile", "HostKeyAlgorithms", "HostKeyAlias", "IdentitiesOnly",
	"KnownHostsCommand", "PKCS11Provider", "PreferredAuthentications", "ProxyJump",
	"ProxyUseFdpass", "RevokedHostKeys", "SecurityKeyProvider" };

static const char *const usual_identity[] = { "~/.ssh/id_ed25519", "~/.ssh/id_ecdsa",
	"~/.ssh/id_rsa" };

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Refuses a line with an option that libssh ignores.  0, or -1 with an error recorded. */
static int check_line(const char *path, size_t number, const char *line)
{
	size_t i, len;

	while (isspace((unsigned char)*line))
		line++;
	len = strcspn(line, " \t\r\n=");
	for (i = 0; i < COUNT(skipped); i++)
		if (strlen(skipped[i]) == len && strncasecmp(line, skipped[i], len) == 0)
			return err_set(ST_PEER,
				"'%s' line %zu: %s needs OpenSSH's ssh, which is not installed",
				path, number, skipped[i]);
	return 0;
}

static int check_file(const char *path, bool must_exist)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0, number = 0;
	int rc = 0;

	if (!f)
		return must_exist ? err_set(ST_USAGE, "cannot open the ssh configuration '%s': %s",
					    path, strerror(errno))
				  : 0;
	while (rc == 0 && getline(&line, &size, f) >= 0)
		rc = check_line(path, ++number, line);
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
		return check_file(config_file, true);
	path = ssh_token_expand(c, "Include", "~/.ssh/config", true);
	if (!path)
		return -1;
	rc = check_file(path, false);
	free(path);
	return rc < 0 ? -1 : check_file(SYSTEM_CONFIG, false);
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
