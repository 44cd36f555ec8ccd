/*
 * recorded: names that an image records, such as a qcow2 layer's backing file.
 *
 * The names come from a guest or an attacker.  A relative name starts at the
 * directory of the image as it was spelled, as in QEMU.  "file:" before a path is skipped.
 */
#ifndef IMG_RECORDED_H
#define IMG_RECORDED_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/store/place.h"

/* Whether QEMU takes a recorded name for a path, and not for "PROTOCOL:...". */
bool recorded_is_path(const char *name);

/*
 * Resolves a name that the image at `from` records (NULL: it has no place).  *path,
 * which the caller frees, is the absolute path of the file or volume; if that does
 * not exist, the name as an absolute path; and NULL if the name is not a path
 * (nbd:, json:, ...) or the access policy does not allow it.  One openat2 from an
 * allowed directory is the only system call that is made with the name; if no
 * allowed directory matches, none is made.  /dev/GROUP/NAME of an allowed group goes to the
 * volume backend.  0, or -1 recorded: out of memory.
 */
int recorded_path(char **path, const struct place *from, const char *name);

/*
 * The place that such a name leads to, found in the same way.  NULL recorded: the name is not a
 * path, ST_ABSENT, ST_REFUSED by the policy, ...
 */
struct place *recorded_place(const struct place *from, const char *name);

/* A file or volume that an image records. */
struct recorded {
	char *path;    /* as of recorded_path() */
	char *spelled; /* the name as an absolute path; NULL if it is not a path */
	bool exists;   /* it may be looked at; then in bytes: */
	uint64_t allocation, physical;
};

/*
 * The same, and looks at what the name leads to, without opening a file.  0, or -1 recorded: out
 * of memory.  The caller calls recorded_fini(), also on failure.
 */
int recorded_look(struct recorded *r, const struct place *from, const char *name);
void recorded_fini(struct recorded *r);

#endif
