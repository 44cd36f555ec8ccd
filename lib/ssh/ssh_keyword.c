/*
 * Values are stored as they are printed; ssh_config.c expands them when host, user
 * and port are known.  All other keywords are ignored, as they change neither
 * identity nor route.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/base/err.h"
#include "lib/ssh/ssh_keyword.h"

#define LIST_MAX 256   /* paths in one list */
#define PROMPTS_MAX 10 /* the most tries for a password */

/* Options that change identity or route and are supported only with these values. */
static const struct {
	const char *key, *name, *allowed[3];
} unsupported[] = {
	{ "bindinterface", "BindInterface", { NULL } },
	{ "knownhostscommand", "KnownHostsCommand", { "none" } },
	{ "pkcs11provider", "PKCS11Provider", { "none" } },
	{ "proxyusefdpass", "ProxyUseFdpass", { "no", "false" } },
	{ "revokedhostkeys", "RevokedHostKeys", { "none" } },
	{ "securitykeyprovider", "SecurityKeyProvider", { "internal" } },
	{ "tunnel", "Tunnel", { "no", "false" } },
};

int ssh_keyword_refuse(const struct ssh_config *c, const char *name)
{
	ssh_config_beyond(c, "the ssh option %s", name);
	return err_set(ST_PEER,
		"'%s': the ssh option %s is not supported by the built-in client (use --rsh ssh)",
		c->host, name);
}

int ssh_keyword_set_string(char **to, const char *value)
{
	free(*to);
	*to = strdup(value);
	return *to ? 0 : err_set(ST_FAILED, "out of memory");
}

static size_t list_len(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* Appends item, which the list owns; on failure it is freed. */
static int list_add(char ***list, char *item)
{
	size_t n = list_len(*list);
	char **grown = NULL;

	if (item && n < LIST_MAX)
		grown = realloc(*list, (n + 2) * sizeof(**list));
	if (!grown) {
		free(item);
		return n < LIST_MAX
			       ? err_set(ST_FAILED, "out of memory")
			       : err_set(ST_PEER, "ssh configuration: more than %d files in a list",
					 LIST_MAX);
	}
	grown[n] = item;
	grown[n + 1] = NULL;
	*list = grown;
	return 0;
}

static bool is_yes(const char *value)
{
	return strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0;
}

bool ssh_keyword_is_none(const char *value)
{
	return strcasecmp(value, "none") == 0;
}

static int list_add_file(char ***list, const char *value)
{
	return ssh_keyword_is_none(value) ? 0 : list_add(list, strdup(value));
}

/* The decimal number that value begins with; fallback if there is none or it exceeds max. */
static uint64_t parse_number(const char *value, uint64_t max, uint64_t fallback)
{
	char *end;
	unsigned long long n;

	if (*value < '0' || *value > '9')
		return fallback;
	errno = 0;
	n = strtoull(value, &end, 10);
	return errno || (*end && *end != ' ') || n > max ? fallback : n;
}

/*
 * Appends paths to a list.  `ssh -G` prints them without quotes, though a path may
 * contain blanks; so a path ends where the next one begins with '/' or '~'.
 */
static int set_paths(char ***list, const char *value)
{
	while (*value) {
		size_t len = strcspn(value, " ");
		bool is_absolute = *value == '/' || *value == '~';

		while (is_absolute && value[len] && value[len + 1] != '/' && value[len + 1] != '~')
			len += 1 + strcspn(value + len + 1, " ");
		if (len && !(len == 4 && strncasecmp(value, "none", 4) == 0) &&
			list_add(list, strndup(value, len)) < 0)
			return -1;
		value += len;
		value += strspn(value, " ");
	}
	return 0;
}

static void set_strict(struct ssh_config *c, const char *value)
{
	if (is_yes(value))
		c->strict = SSH_STRICT_YES;
	else if (strcasecmp(value, "accept-new") == 0)
		c->strict = SSH_STRICT_ACCEPT_NEW;
	else if (strcasecmp(value, "ask") == 0)
		c->strict = SSH_STRICT_ASK;
	else
		c->strict = SSH_STRICT_OFF;
}

static void set_family(struct ssh_config *c, const char *value)
{
	if (strcasecmp(value, "inet") == 0)
		c->family = AF_INET;
	else if (strcasecmp(value, "inet6") == 0)
		c->family = AF_INET6;
}

static void set_rekey(struct ssh_config *c, const char *value)
{
	const char *second = strchr(value, ' ');

	c->rekey_bytes = parse_number(value, INT64_MAX, 0);
	c->rekey_seconds = second ? (uint32_t)parse_number(second + 1, UINT32_MAX / 1000, 0) : 0;
}

static int check_unsupported(const struct ssh_config *c, const char *key, const char *value)
{
	size_t i, k;

	for (i = 0; i < sizeof(unsupported) / sizeof(*unsupported); i++) {
		if (strcmp(key, unsupported[i].key) != 0)
			continue;
		for (k = 0; k < 3 && unsupported[i].allowed[k]; k++)
			if (strcasecmp(value, unsupported[i].allowed[k]) == 0)
				return 0;
		return ssh_keyword_refuse(c, unsupported[i].name);
	}
	return 0;
}

/* Sets a text or list option.  1: set; 0: key is another option; -1 with an error recorded. */
static int set_text(struct ssh_config *c, const char *key, const char *value)
{
	const struct {
		const char *key;
		char **to;
	} strings[] = {
		{ "hostname", &c->hostname },
		{ "user", &c->user },
		{ "hostkeyalias", &c->host_key_alias },
		{ "ciphers", &c->ciphers },
		{ "kexalgorithms", &c->kex },
		{ "hostkeyalgorithms", &c->host_key_algorithms },
		{ "macs", &c->macs },
		{ "pubkeyacceptedalgorithms", &c->pubkey_accepted },
		{ "pubkeyacceptedkeytypes", &c->pubkey_accepted },
		{ "identityagent", &c->identity_agent },
		{ "bindaddress", &c->bind_address },
		{ "controlpath", &c->control_path },
	};
	const struct {
		const char *key;
		char ***to;
	} lists[] = {
		{ "identityfile", &c->identity },
		{ "certificatefile", &c->certificate },
	};
	size_t i;

	for (i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		if (strcmp(key, strings[i].key) == 0)
			return ssh_keyword_set_string(strings[i].to, value) < 0 ? -1 : 1;
	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (strcmp(key, lists[i].key) == 0)
			return list_add_file(lists[i].to, value) < 0 ? -1 : 1;
	if (strcmp(key, "userknownhostsfile") == 0)
		return set_paths(&c->user_known_hosts, value) < 0 ? -1 : 1;
	if (strcmp(key, "globalknownhostsfile") == 0)
		return set_paths(&c->global_known_hosts, value) < 0 ? -1 : 1;
	return 0;
}

static void set_flag(struct ssh_config *c, const char *key, const char *value)
{
	const struct {
		const char *key;
		bool *to;
	} flags[] = {
		{ "identitiesonly", &c->identities_only },
		{ "passwordauthentication", &c->password_auth },
		{ "kbdinteractiveauthentication", &c->kbdint_auth },
		{ "challengeresponseauthentication", &c->kbdint_auth },
		{ "batchmode", &c->batch_mode },
		{ "nohostauthenticationforlocalhost", &c->no_auth_for_localhost },
		{ "hashknownhosts", &c->hash_known_hosts },
		{ "gssapiauthentication", &c->gssapi_auth },
		{ "hostbasedauthentication", &c->hostbased_auth },
		{ "verifyhostkeydns", &c->verify_dns },
	};
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (strcmp(key, flags[i].key) == 0)
			*flags[i].to = is_yes(value);
}

static void set_value(struct ssh_config *c, const char *key, const char *value)
{
	if (strcmp(key, "port") == 0)
		c->port = (uint16_t)parse_number(value, UINT16_MAX, 0);
	else if (strcmp(key, "addressfamily") == 0)
		set_family(c, value);
	else if (strcmp(key, "stricthostkeychecking") == 0)
		set_strict(c, value);
	else if (strcmp(key, "pubkeyauthentication") == 0)
		c->pubkey_auth = !(strcasecmp(value, "no") == 0 || strcasecmp(value, "false") == 0);
	else if (strcmp(key, "numberofpasswordprompts") == 0)
		c->password_prompts = (int)parse_number(value, PROMPTS_MAX, 3);
	else if (strcmp(key, "connecttimeout") == 0)
		c->connect_timeout = (int)parse_number(value, INT_MAX / 1000, 0);
	else if (strcmp(key, "requiredrsasize") == 0)
		c->rsa_min_bits = (int)parse_number(value, INT_MAX, 0);
	else if (strcmp(key, "connectionattempts") == 0)
		c->connection_attempts = (int)parse_number(value, INT_MAX, 1);
	else if (strcmp(key, "rekeylimit") == 0)
		set_rekey(c, value);
	else
		set_flag(c, key, value);
}

int ssh_keyword_take(struct ssh_config *c, struct ssh_keyword_rest *p, char *line)
{
	char *value = line + strcspn(line, " ");
	int rc;

	if (!*value)
		return 0;
	*value++ = '\0';
	if (strcmp(line, "proxyjump") == 0)
		p->jump = value;
	else if (strcmp(line, "proxycommand") == 0)
		p->command = value;
	else if (strcmp(line, "preferredauthentications") == 0)
		p->methods = value;
	rc = set_text(c, line, value);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	set_value(c, line, value);
	return check_unsupported(c, line, value);
}
