/*
 * existing: the file under a name, opened for something that changes it or its
 * name, with all that is refused by default.
 */
#ifndef IMG_EXISTING_H
#define IMG_EXISTING_H

#include <stdbool.h>
#include <sys/stat.h>

#include "lib/store/place.h"

/*
 * Opens what p names with flags (O_RDONLY or O_RDWR).  The descriptor and *st,
 * or -1 recorded: ST_ABSENT; ST_REFUSED for a link, a directory, what is no
 * regular file, several links without allow_links; ST_BUSY if it is in use.
 */
int existing_open(const struct place *p, int flags, bool allow_links, struct stat *st);

/* The refusals that need no descriptor: of what stands there, by its stat. */
int existing_check(const struct stat *st, bool allow_links);

/*
 * Refuses what could not be removed, renamed or replaced in the end, whatever was
 * done before: dir/name (NULL: nothing is there) or dir immutable or append-only,
 * or a mount point.  dry_run: also where dir cannot be written.  0 or -1 recorded.
 */
int existing_check_fixed(int dir, const char *name, bool dry_run);

#endif
