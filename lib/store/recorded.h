/*
 * recorded: names that an image records, such as a qcow2 layer's backing file.
 *
 * The names come from a guest or an attacker.  A relative name starts at the
 * directory of the image as it was spelled, as in QEMU.
 */
#ifndef IMG_RECORDED_H
#define IMG_RECORDED_H

#include "lib/store/place.h"

/*
 * Resolves a name that the image at `from` records (NULL: it has no place).  *path,
 * which the caller frees, is the absolute path of the file or volume; if that does
 * not exist, the name as an absolute path; and NULL if the name is not a path
 * (nbd:, json:, ...) or the access policy does not allow it.  One openat2 from an
 * allowed directory is the only system call that is made with the name; if no
 * allowed directory matches, none is made.  0, or -1 recorded: out of memory.
 */
int recorded_path(char **path, const struct place *from, const char *name);

/* Whether QEMU takes name as a path and not as "PROTOCOL:...". */
bool recorded_is_path(const char *name);

#endif
