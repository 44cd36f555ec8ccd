/*
 * ssh_jump: the command is the one that ssh itself makes.  The last hop is split, as some versions
 * of ssh reject an IPv6 address with a port as one word.
 */
#include "lib/ssh/ssh_jump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/ssh/ssh_keyword.h"
#include "lib/ssh/ssh_token.h"

struct hop {
	const char *user, *host, *port; /* user and port may be NULL */
};

/* Splits text, which it modifies. */
static void split_hop(char *text, struct hop *h)
{
	char *at = strrchr(text, '@'), *host = at ? at + 1 : text, *end;

	if (at)
		*at = '\0';
	if (*host == '[' && (end = strchr(host, ']'))) {
		host++;
		*end++ = '\0';
	} else {
		end = strrchr(host, ':');
	}
	h->user = at ? text : NULL;
	h->host = host;
	h->port = end && *end == ':' ? end + 1 : NULL;
	if (h->port)
		*end = '\0';
}

/* Appends s, quoted as one word for a shell. */
static void add_quoted(struct buf *b, const char *s)
{
	buf_adds(b, "'");
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_add(b, s, 1);
	}
	buf_adds(b, "'");
}

/* Appends option and value, in which ssh expands tokens; nothing if value is NULL.  0, or -1. */
static int add_option(
	struct buf *b, const struct ssh_config *c, const char *option, const char *value)
{
	char *expanded;

	if (!value)
		return 0;
	expanded = ssh_token_expand(c, "ProxyJump", value, false);
	if (!expanded)
		return -1;
	buf_addf(b, " %s ", option);
	add_quoted(b, expanded);
	free(expanded);
	return 0;
}

/* Appends all arguments.  0, or -1 recorded. */
static int add_arguments(struct buf *b, const struct ssh_config *c, const struct hop *last,
	const char *before, const char *config_file)
{
	char *target;

	if (c->wants_background)
		buf_adds(b, " -oForkAfterAuthentication=no");
	if (config_file) {
		buf_adds(b, " -F ");
		add_quoted(b, config_file);
	}
	if (add_option(b, c, "-l", last->user) < 0 || add_option(b, c, "-p", last->port) < 0 ||
		add_option(b, c, "-J", before) < 0)
		return -1;
	if (asprintf(&target, "[%s]:%u", c->hostname, c->port) < 0)
		return err_set(ST_FAILED, "out of memory");
	buf_adds(b, " -W ");
	add_quoted(b, target);
	free(target);
	return add_option(b, c, "--", last->host) < 0 ? -1 : buf_failed(b);
}

int ssh_jump_set(struct ssh_config *c, const char *hops, const char *config_file)
{
	char *copy = strdup(hops), *comma = copy ? strrchr(copy, ',') : NULL;
	struct buf b = BUF_INIT;
	struct hop last;
	int rc = -1;

	if (!copy)
		return err_set(ST_FAILED, "out of memory");
	if (comma)
		*comma = '\0';
	split_hop(comma ? comma + 1 : copy, &last);
	buf_adds(&b, "ssh");
	if (add_arguments(&b, c, &last, comma ? copy : NULL, config_file) == 0)
		rc = ssh_keyword_set_string(&c->proxy_command, buf_str(&b));
	buf_fini(&b);
	free(copy);
	return rc;
}
