/*
 * ssh_config: the user's OpenSSH configuration for a host.
 *
 * If OpenSSH is installed, `ssh -G` resolves the configuration, with Match and
 * Include; else libssh's parser reads the few options that it knows (ssh_plain.c).
 * An option that changes identity or route and is not supported is an error that
 * names --rsh ssh, never ignored.
 */
#ifndef IMG_SSH_CONFIG_H
#define IMG_SSH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/location.h"

struct ssh_config {
	bool resolved;	/* by `ssh -G`; else libssh reads the algorithms itself */
	char *host;	/* as the user wrote it */
	char *hostname; /* to connect to */
	char *user;
	uint16_t port;
	char *host_key_alias; /* or NULL */
	char *proxy_command;  /* expanded, or `ssh -W` for a ProxyJump; or NULL */
	int family;	      /* AF_UNSPEC, AF_INET, AF_INET6 */
	bool identities_only;
	char **identity; /* NULL-terminated lists of paths, with ~ expanded */
	char **certificate;
	char **user_known_hosts;
	char **global_known_hosts;
	enum { SSH_STRICT_ASK, SSH_STRICT_YES, SSH_STRICT_ACCEPT_NEW, SSH_STRICT_OFF } strict;
	char *ciphers, *kex, *host_key_algorithms, *macs, *pubkey_accepted; /* NULL: default */
	char *identity_agent; /* path of the socket, "none", or NULL: not set */
	bool password_auth, kbdint_auth, pubkey_auth;
	bool batch_mode;	/* never prompt */
	int password_prompts;	/* how often to prompt for a password or passphrase */
	int connect_timeout;	/* seconds; 0: not set */
	uint64_t rekey_bytes;	/* 0: the default of the cipher */
	uint32_t rekey_seconds; /* 0: no limit by time */
};

struct ssh_options {		 /* from the command line */
	const char *config_file; /* -F, or NULL */
	const char *identity;	 /* -i, or NULL */
	int timeout_s;		 /* --timeout; 0: the default (30) */
};

/*
 * Resolves the configuration for loc's host.  Runs `ssh -G` and blocks until it has
 * ended.  0, or -1 with an error recorded: ST_USAGE for an invalid configuration
 * file, in ssh's own words, or ST_PEER for an option that is not supported.
 */
int ssh_config_resolve(
	struct ssh_config *c, const struct location *loc, const struct ssh_options *opt);
void ssh_config_fini(struct ssh_config *c); /* accepts a zeroed one */

/*
 * Parses the output of `ssh -G` for host into c, whose old content is not freed.
 * The caller calls ssh_config_fini() also on failure.  Errors as above.
 */
int ssh_config_parse(struct ssh_config *c, const char *text, size_t len, const char *host);

#endif
