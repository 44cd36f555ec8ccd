/*
 * ssh_config: the user's OpenSSH configuration for a host.
 *
 * If OpenSSH is installed, `ssh -G` resolves the configuration, with Match and
 * Include; else libssh's parser reads the few options that it knows (ssh_plain.c).
 * An option that changes identity or route and is not supported is an error that
 * names --rsh ssh, never ignored.  The error also says what is beyond the library, so
 * that the caller can run the user's ssh.
 */
#ifndef IMG_SSH_CONFIG_H
#define IMG_SSH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/location.h"

#define SSH_OPTIONS_MAX 64 /* of -o */

/* Why ssh_open() failed. */
struct ssh_failure {
	bool may_retry;	  /* there was no connection: another try may succeed */
	char beyond[160]; /* what only the user's ssh can do, as an object; "": nothing */
};

struct ssh_config {
	struct ssh_failure *failure; /* the caller's, or NULL */
	bool resolved;		     /* by `ssh -G`; else libssh reads the algorithms itself */
	char *host;		     /* as the user wrote it */
	char *hostname;		     /* to connect to */
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
	bool batch_mode;      /* never prompt */
	int password_prompts; /* how often to prompt for a password or passphrase */
	bool verify_dns;      /* VerifyHostKeyDNS is yes */
	int rsa_min_bits;     /* of an RSA key; 0: the default of libssh */
	int connect_timeout;  /* seconds; 0: not set */
	int connection_attempts;
	char *bind_address; /* or NULL */
	char *control_path; /* of a shared connection, or NULL */
	bool no_auth_for_localhost, hash_known_hosts, gssapi_auth, hostbased_auth;
	bool wants_background;	/* ForkAfterAuthentication, which ssh must be told to ignore */
	uint64_t rekey_bytes;	/* 0: the default of the cipher */
	uint32_t rekey_seconds; /* 0: no limit by time */
};

struct ssh_options {		   /* from the command line */
	const char *config_file;   /* -F, or NULL */
	const char *identity;	   /* -i, or NULL */
	int timeout_s;		   /* --timeout; 0: the default (30) */
	const char *jump;	   /* -J, or NULL */
	uint16_t port;		   /* -p, for locations without a port; 0: not given */
	const char *const *option; /* -o: at most SSH_OPTIONS_MAX, NULL-terminated; or NULL */
	bool may_leave;		   /* the caller has ssh for what is beyond the library */
};

/* Puts ssh's arguments for loc and opt into argv, SSH_ARGUMENTS_MAX at most.  Their number. */
#define SSH_ARGUMENTS_MAX (10 + 2 * SSH_OPTIONS_MAX)
struct ssh_arguments {
	char port[8];
};
int ssh_arguments_put(struct ssh_arguments *a, const char **argv, const struct location *loc,
	const struct ssh_options *opt);

/* Notes in c->failure what the library cannot do for this host, as printf(). */
void ssh_config_beyond(const struct ssh_config *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Resolves the configuration for loc's host.  Runs `ssh -G` and blocks until it has
 * ended.  0, or -1 with an error recorded: ST_USAGE for an invalid configuration
 * file, in ssh's own words, or ST_PEER for an option that is not supported.  why may
 * be NULL.
 */
int ssh_config_resolve(struct ssh_config *c, const struct location *loc,
	const struct ssh_options *opt, struct ssh_failure *why);
void ssh_config_fini(struct ssh_config *c); /* accepts a zeroed one */

/*
 * Parses the output of `ssh -G` for host into c, whose old content is not freed.
 * The caller calls ssh_config_fini() also on failure.  Errors as above.
 */
int ssh_config_parse(struct ssh_config *c, const char *text, size_t len, const char *host);

#endif
