/*
 * network_source: names and URIs.  network_json.c has the JSON form.
 */
#include "lib/cli/network_source.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cli/network_json.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* The number of hosts that libvirt's schemas want; any more than one is "at least". */
enum hosts { HOSTS_ONE, HOSTS_SOME, HOSTS_ANY, HOSTS_UNKNOWN /* not in its schemas */ };

static const struct protocol {
	const char *name;
	enum hosts hosts;
	bool has_uri;
	bool keeps_slash; /* its name is an absolute path */
} protocols[] = {
	{ "nbd", HOSTS_ONE, true, false },
	{ "rbd", HOSTS_ANY, false, false },
	{ "iscsi", HOSTS_ONE, true, false },
	{ "gluster", HOSTS_SOME, true, false },
	{ "http", HOSTS_ONE, true, false },
	{ "https", HOSTS_ONE, true, false },
	{ "ftp", HOSTS_ONE, true, false },
	{ "ftps", HOSTS_ONE, true, false },
	{ "tftp", HOSTS_ONE, true, false },
	{ "ssh", HOSTS_UNKNOWN, true, true },
	{ "nfs", HOSTS_UNKNOWN, true, true },
};

static const struct protocol *protocol_find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strlen(protocols[i].name) == len && memcmp(protocols[i].name, name, len) == 0)
			return &protocols[i];
	return NULL;
}

const char *network_source_protocol(const char *name)
{
	const struct protocol *p = protocol_find(name, strlen(name));

	return p ? p->name : NULL;
}

bool network_source_set(char *out, size_t size, const char *text, size_t len)
{
	if (len >= size || memchr(text, '\0', len))
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %HH in a part of a URI. */
static bool decode(char *out, size_t size, const char *text, size_t len)
{
	size_t i, used = 0;
	int high, low;
	char c;

	for (i = 0; i < len; i++) {
		c = text[i];
		if (c == '%') {
			high = i + 2 < len ? hex_value(text[i + 1]) : -1;
			low = i + 2 < len ? hex_value(text[i + 2]) : -1;
			if (high < 0 || low < 0 || (high == 0 && low == 0))
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (used + 1 >= size)
			return false;
		out[used++] = c;
	}
	out[used] = '\0';
	return true;
}

struct network_host *network_source_add_host(struct network_source *s)
{
	struct network_host *h;

	if (s->hosts == NETWORK_SOURCE_HOSTS_MAX)
		return NULL;
	h = &s->host[s->hosts++];
	memset(h, 0, sizeof(*h));
	return h;
}

bool network_source_set_port(struct network_host *h, const char *port, size_t len)
{
	return len && strspn(port, DIGITS) >= len &&
	       network_source_set(h->port, sizeof(h->port), port, len) && atoi(h->port) <= 65535;
}

bool network_source_host(struct network_source *s, const char *text, size_t len)
{
	struct network_host *h = network_source_add_host(s);
	const char *end = text + len, *rest;

	if (!h || !len)
		return false;
	if (*text == '[') {
		text++;
		rest = memchr(text, ']', (size_t)(end - text));
	} else {
		rest = memchr(text, ':', len);
		rest = rest ? rest : end;
	}
	if (!rest || rest == text || !decode(h->name, sizeof(h->name), text, (size_t)(rest - text)))
		return false;
	rest += rest < end && *rest == ']';
	if (rest == end)
		return true;
	return *rest == ':' && network_source_set_port(h, rest + 1, (size_t)(end - rest - 1));
}

/* "socket=PATH" of a query. */
static bool parse_socket(struct network_source *s, const char *query)
{
	struct network_host *h = network_source_add_host(s);
	size_t len;

	while (query && strncmp(query, "socket=", 7) != 0) {
		query = strchr(query, '&');
		if (query)
			query++;
	}
	if (!query || !h)
		return false;
	query += 7;
	len = strcspn(query, "&;#");
	return len && decode(h->socket, sizeof(h->socket), query, len);
}

/* What is behind "SCHEME:" in a URI. */
static bool parse_uri(struct network_source *s, const char *rest, bool is_unix, bool keeps_slash)
{
	const char *path, *query, *user;
	size_t len;

	rest += 2;
	len = strcspn(rest, "/?#");
	path = rest + len;
	query = path + strcspn(path, "?#");
	user = memrchr(rest, '@', len);
	if (user) {
		len -= (size_t)(user + 1 - rest);
		rest = user + 1;
	}
	if (is_unix ? len || !parse_socket(s, *query == '?' ? query + 1 : NULL)
		    : !network_source_host(s, rest, len))
		return false;
	if (path < query && !keeps_slash)
		path++;
	s->has_name = path < query;
	if (!decode(s->name, sizeof(s->name), path, (size_t)(query - path)))
		return false;
	if (*query != '?' || strncmp(s->protocol, "http", 4) != 0)
		return true;
	query++;
	return network_source_set(s->query, sizeof(s->query), query, strcspn(query, "#"));
}

/* What is behind "nbd:", if it is not a URI. */
static bool parse_nbd(struct network_source *s, const char *rest)
{
	static const char mark[] = ":exportname=";
	const char *export = strstr(rest, mark);
	size_t len = export ? (size_t)(export - rest) : strlen(rest);
	struct network_host *h;

	if (export) {
		export += sizeof(mark) - 1;
		s->has_name = true;
		if (!network_source_set(s->name, sizeof(s->name), export, strlen(export)))
			return false;
	}
	if (strncmp(rest, "unix:", 5) != 0)
		return network_source_host(s, rest, len) && *s->host[0].port;
	h = network_source_add_host(s);
	return h && len > 5 && network_source_set(h->socket, sizeof(h->socket), rest + 5, len - 5);
}

/* Copies text up to an unescaped ':' without its backslashes; the rest, or NULL: too long. */
static const char *copy_unescaped(char *out, size_t size, const char *text)
{
	size_t used = 0;

	for (; *text && *text != ':'; text++) {
		if (*text == '\\' && text[1])
			text++;
		if (used + 1 >= size)
			return NULL;
		out[used++] = *text;
	}
	out[used] = '\0';
	return text;
}

static bool parse_monitors(struct network_source *s, const char *hosts)
{
	size_t len;

	for (; *hosts; hosts += len + (hosts[len] != '\0')) {
		len = strcspn(hosts, ";, ");
		if (len && !network_source_host(s, hosts, len))
			return false;
	}
	return true;
}

/* What is behind "rbd:". */
static bool parse_rbd(struct network_source *s, const char *rest)
{
	char option[NETWORK_SOURCE_NAME_MAX];
	char *at;

	rest = copy_unescaped(s->name, sizeof(s->name), rest);
	if (!rest || !*s->name)
		return false;
	s->has_name = true;
	at = strchr(s->name, '@');
	if (at) {
		*at = '\0';
		if (!network_source_set(s->snapshot, sizeof(s->snapshot), at + 1, strlen(at + 1)))
			return false;
	}
	while (*rest == ':') {
		rest = copy_unescaped(option, sizeof(option), rest + 1);
		if (!rest)
			return false;
		if (strncmp(option, "mon_host=", 9) == 0 && !parse_monitors(s, option + 9))
			return false;
	}
	return true;
}

bool network_source_parse(struct network_source *s, const char *name)
{
	size_t scheme = strspn(name, LETTERS), plus = 0;
	const char *rest;
	const struct protocol *p = protocol_find(name, scheme);

	memset(s, 0, sizeof(*s));
	s->type = "network";
	if (strlen(name) > NETWORK_SOURCE_NAME_MAX)
		return false;
	if (strncmp(name, "json:", 5) == 0)
		return network_json_parse(s, name + 5);
	if (!p)
		return false;
	if (strncmp(name + scheme, "+tcp:", 5) == 0)
		plus = 4;
	else if (strncmp(name + scheme, "+unix:", 6) == 0)
		plus = 5;
	rest = name + scheme + plus;
	if (*rest++ != ':')
		return false;
	s->protocol = p->name;
	if (p->has_uri && strncmp(rest, "//", 2) == 0)
		return parse_uri(s, rest, plus == 5, p->keeps_slash);
	if (plus)
		return false;
	return strcmp(p->name, "nbd") == 0   ? parse_nbd(s, rest)
	       : strcmp(p->name, "rbd") == 0 ? parse_rbd(s, rest)
					     : false;
}

/* What the schemas call an absolute path. */
static bool is_absolute(const char *path)
{
	return path[0] == '/' && path[1];
}

static bool is_valid_host(const struct network_host *h)
{
	struct in6_addr address;

	if (*h->socket)
		return is_absolute(h->socket);
	if (strchr(h->name, ':'))
		return !strchr(h->name, '.') && strcmp(h->name, "::") != 0 &&
		       inet_pton(AF_INET6, h->name, &address) == 1;
	return *h->name && !h->name[strspn(h->name, LETTERS DIGITS ".-")];
}

bool network_source_is_valid(const struct network_source *s)
{
	const struct protocol *p;
	unsigned i;

	if (!s->protocol)
		return is_absolute(s->name);
	p = protocol_find(s->protocol, strlen(s->protocol));
	if (!p || p->hosts == HOSTS_UNKNOWN || (p->hosts == HOSTS_ONE && s->hosts != 1) ||
		(p->hosts == HOSTS_SOME && s->hosts == 0))
		return false;
	for (i = 0; i < s->hosts; i++)
		if (!is_valid_host(&s->host[i]))
			return false;
	return !s->snapshot[strspn(s->snapshot, LETTERS DIGITS "_+-")];
}
