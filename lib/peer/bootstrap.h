/*
 * bootstrap: from a shell on the peer to a running helper.
 *
 * A script of one line, which any login shell can hand to sh, tries an
 * installed helper of our protocol, then copies in private directories, and
 * else asks for one.  It talks in lines that begin with WIRE_LINE, amid
 * whatever login scripts print:
 *
 *	img-tools/N send	send me the helper's bytes, all of them
 *	img-tools/N arch M	this is an M, and the helper is for another
 *	img-tools/N fail TEXT	there is no place for it
 *	img-tools/N ready	the helper itself: frames of protocol N follow (wire.h)
 *
 * A helper that is there already (a forced command) just says the last.
 */
#ifndef IMG_BOOTSTRAP_H
#define IMG_BOOTSTRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/block/digest.h"

#define BOOTSTRAP_NOISE_MAX 262144 /* bytes of other people's text that are read past */
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
 * Finds and reads the helper for arch (NULL: this machine's): beside the
 * running program's directory, or where it was installed.  0, or -1 with
 * ST_PEER recorded.
 */
int helper_file_read(struct helper_file *h, const char *arch);
void helper_file_fini(struct helper_file *h);
/* Only where it is; the caller frees it.  NULL with ST_PEER recorded. */
char *helper_file_path(const char *arch);

/*
 * The command for the peer's shell.  as_root: under sudo.  path: use just that
 * helper, or NULL.  config: the helper is to read that file, or NULL.  The
 * caller frees it.  NULL with ST_USAGE recorded if a path cannot be quoted for
 * every shell.
 */
char *bootstrap_command(
	const struct helper_file *h, bool as_root, const char *path, const char *config);

/* What the dialogue came to. */
enum bootstrap_end {
	BOOTSTRAP_READY,      /* the next byte is a frame's */
	BOOTSTRAP_ARCH,	      /* arch is filled; start again with another helper */
	BOOTSTRAP_FAILED = -1 /* recorded, ST_PEER */
};

/*
 * Leads the dialogue on fd until the helper is ready, sending h where asked.
 * Blocks, at most timeout_ms between two signs of life (0: for ever), and ends
 * early when cancel_is_set().
 */
enum bootstrap_end bootstrap_run(
	int fd, const struct helper_file *h, int timeout_ms, char arch[BOOTSTRAP_ARCH_MAX]);

/*
 * Records that a helper speaks another protocol than this program, with both
 * versions and what to do: ST_PEER.  Returns -1.
 */
int bootstrap_wrong_protocol(uint64_t theirs);

#endif
