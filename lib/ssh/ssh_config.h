/*
 * ssh_config: what the user's OpenSSH configuration says of a host.
 *
 * Where OpenSSH is installed, `ssh -G` resolves it (Match, Include and all);
 * else libssh's own parser reads the few keys that it knows (ssh_plain.c).
 * What changes identity or route and is not honoured is one clear error that
 * names --rsh ssh.
 */
#ifndef IMG_SSH_CONFIG_H
#define IMG_SSH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/location.h"

struct ssh_config {
	bool resolved;	/* by `ssh -G`; else libssh read the algorithms itself */
	char *host;	/* as the user typed it */
	char *hostname; /* to connect to */
	char *user;
	uint16_t port;
	char *host_key_alias; /* or NULL */
	char *proxy_command;  /* expanded; a ProxyJump becomes `ssh -W`; or NULL */
	int family;	      /* AF_UNSPEC, AF_INET, AF_INET6 */
	bool identities_only;
	char **identity; /* NULL-terminated lists of paths, ~ expanded */
	char **certificate;
	char **user_known_hosts;
	char **global_known_hosts;
	enum { SSH_STRICT_ASK, SSH_STRICT_YES, SSH_STRICT_ACCEPT_NEW, SSH_STRICT_OFF } strict;
	char *ciphers, *kex, *host_key_algorithms, *macs, *pubkey_accepted; /* NULL: default */
	char *identity_agent; /* socket, "none", or NULL */
	bool password_auth, kbdint_auth, pubkey_auth;
	bool batch_mode;	/* never ask */
	int password_prompts;	/* how often a password or passphrase is asked for */
	int connect_timeout;	/* seconds; 0: none given */
	uint64_t rekey_bytes;	/* 0: the cipher's own */
	uint32_t rekey_seconds; /* 0: never by time */
};

struct ssh_options {		 /* from the command line */
	const char *config_file; /* -F, or NULL */
	const char *identity;	 /* -i, or NULL */
	int timeout_s;		 /* --timeout; 0: the default (30) */
};

/*
 * Resolves loc's host.  May run `ssh -G` and block on it.  0, or -1 with
 * ST_USAGE (a bad configuration file, naming it as ssh does) or ST_PEER
 * recorded (an option that is not honoured, naming it and --rsh ssh).
 */
int ssh_config_resolve(
	struct ssh_config *c, const struct location *loc, const struct ssh_options *opt);
void ssh_config_fini(struct ssh_config *c); /* accepts a zeroed one */

/*
 * Parses what `ssh -G` printed for host.  Frees nothing before; on failure c
 * is to be given to ssh_config_fini() all the same.  Errors as above.
 */
int ssh_config_parse(struct ssh_config *c, const char *text, size_t len, const char *host);

#endif
