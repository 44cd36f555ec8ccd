/*
 * ssh_known: what the known_hosts files say of a host.
 *
 * Names are as OpenSSH has them, in lower case: HostKeyAlias, else the host, as
 * [host]:port unless the port is 22.  Patterns, negation, hashed
 * names and @revoked are honoured; @cert-authority lines are not, as libssh
 * checks no host certificates.
 */
#ifndef IMG_SSH_KNOWN_H
#define IMG_SSH_KNOWN_H

#include <libssh/libssh.h>
#include <stddef.h>

#include "lib/ssh/ssh_config.h"

#define SSH_KNOWN_NAME_MAX 300

/* In the order of precedence, the last counting most. */
enum ssh_known_verdict {
	SSH_KNOWN_NOT,	   /* no line for the host */
	SSH_KNOWN_OTHER,   /* only keys of other types */
	SSH_KNOWN_CHANGED, /* another key of its type */
	SSH_KNOWN_SAME,
	SSH_KNOWN_REVOKED
};

struct ssh_known {
	enum ssh_known_verdict verdict;
	const char *file; /* with the line that counted, or NULL; c's */
	size_t line;
};

/* The name to look up; out takes SSH_KNOWN_NAME_MAX bytes. */
void ssh_known_name(const struct ssh_config *c, char *out);

/* Looks key up in all files. */
void ssh_known_find(const struct ssh_config *c, ssh_key key, struct ssh_known *out);

/* Whether there is a key of the type of this signature algorithm ("rsa-sha2-256"). */
bool ssh_known_has_type(const struct ssh_config *c, const char *algorithm);

/* Appends key to the first of the user's files; 0, or -1 with errno set. */
int ssh_known_add(const struct ssh_config *c, ssh_key key);

#endif
