/*
 * ssh_refusal: see ssh_refusal.h.
 */
#include "lib/ssh/ssh_refusal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

void ssh_refusal_peek(struct ssh_refusal *r, const struct ssh_link *l, int timeout_ms)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	ssize_t n;

	if (r->line[0] || ssh_get_serverbanner(l->session) || poll(&p, 1, timeout_ms) != 1)
		return;
	n = recv(l->fd, r->line, sizeof(r->line) - 1, MSG_PEEK | MSG_DONTWAIT);
	r->line[n > 0 ? n : 0] = '\0';
	r->line[strcspn(r->line, "\r\n")] = '\0';
	if (strncmp(r->line, "SSH-", 4) == 0)
		r->line[0] = '\0';
}

bool ssh_refusal_record(const struct ssh_refusal *r, const struct ssh_link *l)
{
	const char *hint = "";
	char *safe;

	if (!r->line[0] || ssh_get_serverbanner(l->session))
		return false;
	if (strcmp(r->line, "Not allowed at this time") == 0)
		hint = " (failed logins make it refuse this address for some time)";
	else if (strcmp(r->line, "Exceeded MaxStartups") == 0)
		hint = " (too many connections to it have not logged in yet)";
	safe = text_safe_dup(r->line);
	err_set(ST_PEER, "cannot connect to %s: the server says '%s'%s", l->where,
		safe ? safe : "out of memory", hint);
	free(safe);
	return true;
}
