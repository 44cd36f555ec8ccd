/*
 * bootstrap: from a shell on the remote host to a running helper.
 *
 * A script of one line, which any login shell can pass to sh, tries an installed
 * helper of our protocol, then copies in private directories.  If there is none,
 * it asks the client to send one.  Its lines begin with WIRE_LINE; between them
 * may be any text that login scripts print:
 *
 *	img-tools/N send	send me the helper's bytes, all of them
 *	img-tools/N arch M	this machine is an M, and the helper is for another
 *	img-tools/N fail TEXT	the helper cannot be started, because of TEXT
 *	img-tools/N ready	the helper itself: frames of protocol N follow (wire.h)
 *
 * A helper that is running already (a forced command) sends only the last.
 */
#ifndef IMG_BOOTSTRAP_H
#define IMG_BOOTSTRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/block/digest.h"

#define BOOTSTRAP_NOISE_MAX 262144 /* bytes of other text that are skipped */
#define BOOTSTRAP_ARCH_MAX 32

/* A helper program of this host, in memory. */
struct helper_file {
	char *path;
	uint8_t *bytes;
	size_t size;
	char hash[HASH_HEX];
	char arch[BOOTSTRAP_ARCH_MAX];
};

/*
 * Finds and reads the helper for arch (NULL: this machine): in libexec beside the
 * directory of the running program.  0, or -1 with an error recorded: ST_PEER if
 * there is none.
 */
int helper_file_read(struct helper_file *h, const char *arch);
void helper_file_fini(struct helper_file *h);
/* Only its path, which the caller frees.  NULL with ST_PEER recorded. */
char *helper_file_path(const char *arch);

/* How the helper is to be started. */
struct bootstrap_way {
	bool as_root;	    /* by sudo -n */
	bool is_local;	    /* by a command on the same host */
	const char *path;   /* only this helper, or NULL */
	const char *config; /* the helper is to read this file, or NULL */
};

/* 0, or -1 with ST_USAGE recorded: a path cannot be quoted for every shell. */
int bootstrap_check(const struct bootstrap_way *way);

/*
 * The command for the shell on the host.  With as_root and path it runs
 * `sudo -n PATH --serve` and nothing else by sudo, provided that root alone can write
 * to PATH.  The caller frees the result.  NULL recorded, as by bootstrap_check().
 */
char *bootstrap_command(const struct helper_file *h, const struct bootstrap_way *way);

/* How the dialogue ended. */
enum bootstrap_end {
	BOOTSTRAP_READY,      /* the next byte belongs to a frame */
	BOOTSTRAP_ARCH,	      /* arch is set; start again with the helper for it */
	BOOTSTRAP_FAILED = -1 /* recorded, ST_PEER */
};

/* The limits of the two phases of the dialogue, in milliseconds; 0: none. */
struct bootstrap_limits {
	int answer_ms; /* until the helper is ready, or is asked for the first time */
	int send_ms;   /* from then on, until it has been sent and is ready */
};

/*
 * Leads the dialogue on fd until the helper is ready.  Sends h when the script
 * asks for it.  Blocks at most for the limits, whatever arrives meanwhile, and ends
 * early when cancel_is_set().
 */
enum bootstrap_end bootstrap_run(int fd, const struct helper_file *h,
	const struct bootstrap_limits *limits, char arch[BOOTSTRAP_ARCH_MAX]);

/*
 * Records that a helper speaks another protocol than this program, with both
 * versions and what to do: ST_PEER.  Returns -1.
 */
int bootstrap_wrong_protocol(uint64_t theirs);

#endif
