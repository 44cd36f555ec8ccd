/*
 * The tokens come from the user's own files.  Their values either were checked when
 * the location was parsed (location.h) or come from this host.
 */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/ssh/ssh_token.h"

/* As for ssh and libssh, that of the user database counts; $HOME only if there is none. */
static const char *home_directory(void)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *dir = getenv("HOME");

	if (pw && *pw->pw_dir)
		return pw->pw_dir;
	return dir && *dir ? dir : "/";
}

static int add_host_name(struct buf *out, bool is_short)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (gethostname(name, sizeof(name) - 1) < 0)
		return err_set(ST_PEER, "cannot get the host name: %s", strerror(errno));
	if (is_short)
		name[strcspn(name, ".")] = '\0';
	buf_adds(out, name);
	return 0;
}

static int add_token(const struct ssh_config *c, const char *option, char token, struct buf *out)
{
	const struct passwd *pw;

	switch (token) {
	case '%':
		buf_adds(out, "%");
		return 0;
	case 'd':
		buf_adds(out, home_directory());
		return 0;
	case 'h':
		buf_adds(out, c->hostname);
		return 0;
	case 'i':
		buf_addf(out, "%lu", (unsigned long)getuid());
		return 0;
	case 'k':
		buf_adds(out, c->host_key_alias ? c->host_key_alias : c->host);
		return 0;
	case 'L':
		return add_host_name(out, true);
	case 'l':
		return add_host_name(out, false);
	case 'n':
		buf_adds(out, c->host);
		return 0;
	case 'p':
		buf_addf(out, "%u", c->port);
		return 0;
	case 'r':
		buf_adds(out, c->user);
		return 0;
	case 'u':
		pw = getpwuid(getuid());
		buf_adds(out, pw ? pw->pw_name : "");
		return 0;
	default:
		ssh_config_beyond(
			c, "the token '%%%c' of the ssh option %s", token ? token : ' ', option);
		return err_set(ST_PEER,
			"'%s': the ssh option %s has the token '%%%c', which is not supported by "
			"the built-in client (use --rsh ssh)",
			c->host, option, token ? token : ' ');
	}
}

/* Appends a variable's value.  *value points after "${" and is moved past the '}'. */
static int add_variable(
	const struct ssh_config *c, const char *option, const char **value, struct buf *out)
{
	size_t len = strcspn(*value, "}");
	char name[128];
	const char *set;

	if ((*value)[len] != '}' || len >= sizeof(name))
		return err_set(
			ST_PEER, "'%s': the ssh option %s has '${' without '}'", c->host, option);
	memcpy(name, *value, len);
	name[len] = '\0';
	*value += len + 1;
	set = getenv(name);
	if (!set)
		return err_set(ST_PEER,
			"'%s': the ssh option %s uses ${%s}, which is not set in the environment",
			c->host, option, name);
	buf_adds(out, set);
	return 0;
}

/* Appends the home directory if value begins with '~'; the rest of value. */
static const char *add_home(const char *value, struct buf *out)
{
	size_t len = strcspn(value, "/");
	const struct passwd *pw;
	char name[64];

	if (value[0] != '~')
		return value;
	if (len == 1) {
		buf_adds(out, home_directory());
		return value + 1;
	}
	if (len > sizeof(name))
		return value;
	memcpy(name, value + 1, len - 1);
	name[len - 1] = '\0';
	pw = getpwnam(name);
	if (!pw)
		return value;
	buf_adds(out, pw->pw_dir);
	return value + len;
}

char *ssh_token_expand(
	const struct ssh_config *c, const char *option, const char *value, bool as_path)
{
	struct buf out = BUF_INIT;
	char *copy = NULL;
	int rc = 0;

	if (as_path)
		value = add_home(value, &out);
	while (*value && rc == 0) {
		size_t plain = strcspn(value, as_path ? "%$" : "%");

		buf_add(&out, value, plain);
		value += plain;
		if (value[0] == '%') {
			rc = add_token(c, option, value[1], &out);
			value += value[1] ? 2 : 1;
		} else if (value[0] == '$' && value[1] == '{') {
			value += 2;
			rc = add_variable(c, option, &value, &out);
		} else if (value[0]) {
			buf_add(&out, value++, 1);
		}
	}
	if (rc == 0 && buf_failed(&out) == 0) {
		copy = strdup(buf_str(&out));
		if (!copy)
			err_set(ST_FAILED, "out of memory");
	}
	buf_fini(&out);
	return copy;
}
