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

#include "lib/base/err.h"
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

/* A file or volume that an image records. */
struct recorded {
	char *path;    /* as of recorded_path() */
	char *spelled; /* the name as an absolute path; NULL if it is not a path */
	bool exists;   /* it may be looked at; then in bytes: */
	uint64_t allocation, physical;
	struct err why; /* why it could not be looked at; status ST_OK: it could, or is no path */
};

/*
 * The same, and looks at what the name leads to, without opening a file.  0, or -1 recorded: out
 * of memory.  The caller calls recorded_fini(), also on failure.
 */
int recorded_look(struct recorded *r, const struct place *from, const char *name);

/*
 * The place of what was looked at; relative names that it records itself
 * start where it was spelled.  NULL recorded: why it could not be looked at, ST_REFUSED if it is
 * not a path, and as of place_open().
 */
struct place *recorded_open(const struct recorded *r, const struct policy *policy);

/* The same by a name: recorded_look() and recorded_open(). */
struct place *recorded_place(const struct place *from, const char *name);

/*
 * Whether a name that the image spelled `from` records leads to the image with that identity
 * (identity.h; "": it has none) or, where nothing exists, is its absolute path.  LVM is not asked.
 * 1, 0, or -1 recorded: out of memory.
 */
int recorded_leads_to(const struct policy *policy, const char *from, const char *name,
	const char *identity, const char *path);

void recorded_fini(struct recorded *r);

#endif
