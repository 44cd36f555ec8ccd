/*
 * Both remote forms consist of an authority and a path.  The authority is the text
 * before the ':', or between "ssh://" and the next '/', and consists of user, host
 * and port.  A user name may contain '@', so the last '@' separates it from the
 * host.  Every character that a shell or ssh could interpret is refused here, so
 * that later code need not quote or check user and host.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"
#include "lib/base/location.h"
#include "lib/base/text.h"

#define SCHEME "ssh://"
#define NAME_MAX_BYTES 255 /* of a host name in the DNS, and of a user here */
#define HOST_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
#define NEEDS_BRACKETS "an IPv6 address must be in brackets"
#define USER_REFUSED " ;&|<>$`\\\"'(){}*?[]!~#/"

static int refuse_location(const char *text, const char *why)
{
	return err_set(ST_USAGE, "invalid location '%s': %s", text, why);
}

/* Sets *out to a copy of len bytes.  0, or -1 with an error recorded. */
static int copy_bytes(char **out, const char *s, size_t len)
{
	*out = strndup(s, len);
	return *out ? 0 : err_set(ST_FAILED, "out of memory");
}

static int check_host(const char *text, const char *host, bool in_brackets)
{
	size_t len = strlen(host);

	if (len == 0)
		return refuse_location(text, "the host name is empty");
	if (len > NAME_MAX_BYTES)
		return refuse_location(text, "the host name is too long");
	if (host[0] == '-')
		return refuse_location(text, "a host name cannot begin with '-'");
	if (strspn(host, in_brackets ? HOST_CHARS ":%" : HOST_CHARS) != len)
		return refuse_location(text, "the host name contains an invalid character");
	return 0;
}

static int check_user(const char *text, const char *user)
{
	char safe[NAME_MAX_BYTES + 1];

	if (!*user)
		return refuse_location(text, "the user name is empty");
	if (strlen(user) > NAME_MAX_BYTES)
		return refuse_location(text, "the user name is too long");
	if (*user == '-')
		return refuse_location(text, "a user name cannot begin with '-'");
	if (user[strcspn(user, USER_REFUSED)] || strcmp(user, text_safe(user, safe, sizeof(safe))))
		return refuse_location(text, "the user name contains an invalid character");
	return 0;
}

static int parse_port(struct location *loc, const char *s, size_t len)
{
	unsigned long port = 0;
	size_t i;

	for (i = 0; i < len && s[i] >= '0' && s[i] <= '9' && port <= UINT16_MAX; i++)
		port = port * 10 + (unsigned long)(s[i] - '0');
	if (i != len || port == 0 || port > UINT16_MAX)
		return refuse_location(loc->text, "the port must be a number from 1 to 65535");
	loc->port = (uint16_t)port;
	return 0;
}

/* The last '@' in len bytes, or NULL. */
static const char *find_at(const char *s, size_t len)
{
	return memrchr(s, '@', len);
}

/* Parses [USER@]HOST[:PORT]; HOST may be in brackets, PORT is allowed only if with_port. */
static int parse_authority(struct location *loc, const char *s, size_t len, bool with_port)
{
	const char *end = s + len;
	const char *at = find_at(s, len);
	const char *host = at ? at + 1 : s;
	const char *host_end, *rest;
	size_t host_len = len - (size_t)(host - s);
	bool in_brackets = host_len > 0 && *host == '[';

	if (in_brackets) {
		host++;
		host_end = memchr(host, ']', host_len - 1);
		if (!host_end)
			return refuse_location(loc->text, "'[' without ']'");
		rest = host_end + 1;
	} else {
		host_end = memchr(host, ':', host_len);
		if (!host_end)
			host_end = end;
		rest = host_end;
	}
	if (at && (copy_bytes(&loc->user, s, (size_t)(at - s)) < 0 ||
			  check_user(loc->text, loc->user)))
		return -1;
	if (copy_bytes(&loc->host, host, (size_t)(host_end - host)) < 0)
		return -1;
	if (check_host(loc->text, loc->host, in_brackets) < 0)
		return -1;
	if (rest == end)
		return 0;
	if (*rest != ':' || !with_port)
		return refuse_location(loc->text, "unexpected text after the host");
	if (memchr(rest + 1, ':', (size_t)(end - rest - 1)))
		return refuse_location(loc->text, NEEDS_BRACKETS);
	return parse_port(loc, rest + 1, (size_t)(end - rest - 1));
}

/* Whether the len bytes, or those before one of their ':', are an IPv6 address. */
static bool is_bare_address(const char *s, size_t len)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	size_t i;

	for (i = 1; i <= len && i < sizeof(address); i++) {
		if (i < len && s[i] != ':')
			continue;
		memcpy(address, s, i);
		address[i] = '\0';
		if (inet_pton(AF_INET6, address, &in6) == 1)
			return true;
	}
	return false;
}

static int parse_url(struct location *loc)
{
	const char *s = loc->text + strlen(SCHEME);
	size_t len = strcspn(s, "/");

	if (parse_authority(loc, s, len, true) < 0)
		return -1;
	return copy_bytes(&loc->path, s + len, strlen(s + len));
}

/*
 * Sets *colon to the ':' that ends [USER@]HOST in the len bytes before the first
 * '/', or to NULL if there is none.  0, or -1 with an error recorded: a bracket is
 * not closed or not followed by ':', or an IPv6 address has no brackets.
 */
static int find_colon(const struct location *loc, size_t len, const char **colon)
{
	const char *s = loc->text;
	const char *bracket = s[0] == '[' ? s : NULL;
	const char *first = memchr(s, ':', len);
	const char *at;

	*colon = first;
	if (!first)
		return 0;
	at = find_at(s, (size_t)(first - s));
	if (at && at[1] == '[')
		bracket = at + 1;
	if (bracket) {
		const char *end = memchr(bracket, ']', len - (size_t)(bracket - s));

		if (!end)
			return refuse_location(s, "'[' without ']'");
		*colon = end + 1;
		if (*colon >= s + len || **colon != ':')
			return refuse_location(s, "no ':' after ']'");
		return 0;
	}
	at = at ? at + 1 : s;
	if (is_bare_address(at, len - (size_t)(at - s)))
		return refuse_location(s, NEEDS_BRACKETS);
	return 0;
}

static int parse_plain(struct location *loc)
{
	const char *s = loc->text;
	const char *colon;

	if (find_colon(loc, strcspn(s, "/"), &colon) < 0)
		return -1;
	if (!colon)
		return copy_bytes(&loc->path, s, strlen(s));
	if (parse_authority(loc, s, (size_t)(colon - s), false) < 0)
		return -1;
	return copy_bytes(&loc->path, colon + 1, strlen(colon + 1));
}

/* "~/PATH", and "~" alone, without the "~": on a host, a relative path starts at the home. */
static int resolve_home(struct location *loc)
{
	const char *home = getenv("HOME"), *rest = loc->path + 1;
	char *path;
	int n;

	if (loc->path[0] != '~' || (*rest && *rest != '/'))
		return 0;
	if (!loc->host && (!home || *home != '/'))
		return refuse_location(loc->text, "HOME is not set, which '~' stands for");
	if (loc->host)
		n = asprintf(&path, "%s%s", rest[strspn(rest, "/")] ? "" : ".",
			rest[strspn(rest, "/")] ? rest + strspn(rest, "/") : rest);
	else
		n = asprintf(&path, "%s%s", home, rest);
	if (n < 0)
		return err_set(ST_FAILED, "out of memory");
	free(loc->path);
	loc->path = path;
	return 0;
}

int location_parse(struct location *loc, const char *text)
{
	int rc;

	memset(loc, 0, sizeof(*loc));
	if (!*text)
		return err_set(ST_USAGE, "invalid location '': it is empty");
	if (copy_bytes(&loc->text, text, strlen(text)) < 0)
		return -1;
	loc->is_stdio = strcmp(text, "-") == 0;
	if (strncasecmp(text, SCHEME, strlen(SCHEME)) == 0)
		rc = parse_url(loc);
	else
		rc = parse_plain(loc) < 0 ? -1 : resolve_home(loc);
	if (rc < 0)
		location_fini(loc);
	return rc;
}

void location_fini(struct location *loc)
{
	free(loc->text);
	free(loc->user);
	free(loc->host);
	free(loc->path);
	memset(loc, 0, sizeof(*loc));
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool location_same_host(const struct location *a, const struct location *b)
{
	return is_same_text(a->host, b->host) && is_same_text(a->user, b->user) &&
	       a->port == b->port;
}

char *location_base_name(const struct location *loc)
{
	const char *path = loc->is_stdio || !loc->path ? "" : loc->path;
	size_t end = strlen(path), begin;
	char *name;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--)
		;
	copy_bytes(&name, path + begin, end - begin);
	return name;
}

char *location_at(const struct location *loc, const char *path)
{
	const char *user = loc->user ? loc->user : "", *at = loc->user ? "@" : "";
	const char *host = loc->host ? loc->host : "";
	const char *open = strchr(host, ':') ? "[" : "", *shut = *open ? "]" : "";
	char *text;
	int n;

	if (!loc->host)
		n = asprintf(&text, "%s", path);
	else if (loc->port && path[0] == '/')
		n = asprintf(&text, "ssh://%s%s%s%s%s:%u%s", user, at, open, host, shut,
			(unsigned)loc->port, path);
	else
		n = asprintf(&text, "%s%s%s%s%s:%s", user, at, open, host, shut, path);
	if (n >= 0)
		return text;
	err_set(ST_FAILED, "out of memory");
	return NULL;
}
