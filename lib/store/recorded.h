/*
 * recorded: names that an image records, such as a qcow2 layer's backing file.
 *
 * They come from a guest or an attacker.  A relative name counts from the
 * directory of the image as it was spelled, as QEMU has it.
 */
#ifndef IMG_RECORDED_H
#define IMG_RECORDED_H

#include "lib/store/place.h"

/*
 * Where a name leads that the image at `from` records: *path, absolute, which the
 * caller frees.  NULL if the name is no path (nbd:, json:, ...) or may not be
 * looked up.  One openat2 from an allowed directory is the only system call that
 * is made with the name, and none if no allowed directory matches.  Of what does not
 * exist it is the name as an absolute path.  0, or -1 recorded: there is no memory.
 */
int recorded_path(char **path, const struct place *from, const char *name);

/* Whether QEMU would take name for a path, not for "PROTOCOL:...". */
bool recorded_is_path(const char *name);

#endif
