/*
 * ssh_known: looking up and adding host keys in the known_hosts files.
 *
 * A host has the name that OpenSSH uses, in lower case: HostKeyAlias if it is set;
 * else the host name, or [host]:port if the port is not 22.  Patterns, negated
 * patterns, hashed names and @revoked are supported.  libssh does not verify host
 * certificates, so of @cert-authority it is only said where such a line is.
 */
#ifndef IMG_SSH_KNOWN_H
#define IMG_SSH_KNOWN_H

#include <libssh/libssh.h>
#include <stddef.h>

#include "lib/ssh/ssh_config.h"

/* If several lines match, the verdict that is last in this list counts. */
enum ssh_known_verdict {
	SSH_KNOWN_NOT,	   /* no line for the host */
	SSH_KNOWN_CHANGED, /* a line with another key, of whatever type, as in OpenSSH */
	SSH_KNOWN_SAME,	   /* a line with this key */
	SSH_KNOWN_REVOKED  /* a @revoked line with this key */
};

struct ssh_known {
	enum ssh_known_verdict verdict;
	const char *file; /* the file of the line that counts, owned by c; or NULL */
	size_t line;
	const char *authority_file; /* of a @cert-authority line for the host, or NULL */
	size_t authority_line;
};

/* Looks up key in all files of c.  Files that cannot be read are skipped. */
void ssh_known_find(const struct ssh_config *c, ssh_key key, struct ssh_known *out);

/* Whether a key is known whose type fits this signature algorithm ("rsa-sha2-256"). */
bool ssh_known_has_type(const struct ssh_config *c, const char *algorithm);

/*
 * Appends key to the first of the user's files, with the name hashed if HashKnownHosts
 * is set, and creates the file and its directory if they are missing.  0, or -1 with errno set.
 */
int ssh_known_add(const struct ssh_config *c, ssh_key key);

#endif
