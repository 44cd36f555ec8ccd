/*
 * precheck: what is refused by default before a file, or its name, is changed.
 */
#ifndef IMG_PRECHECK_H
#define IMG_PRECHECK_H

#include <stdbool.h>

#include "lib/store/file/file_place.h"

/*
 * Opens the file at p with flags (O_RDONLY or O_RDWR), after all that
 * precheck_stat() refuses.  The descriptor, or -1 recorded: also ST_ABSENT, and
 * ST_BUSY if it is in use.
 */
int precheck_open(const struct place_file *p, int flags, bool allow_links);

/*
 * The refusals that need no descriptor: a link, a directory, what is no regular
 * file, several links without allow_links.  0, or -1 with ST_REFUSED recorded.
 */
int precheck_stat(const struct place_file *p, bool allow_links);

/*
 * Refuses what could not be removed, renamed or replaced in the end, whatever was
 * done before: the file, if there is one, or its directory is immutable or append-only, or the
 * file is a mount point.  dry_run: also a directory that cannot be written.  0 or -1 recorded.
 */
int precheck_fixed(const struct place_file *p, bool dry_run);

#endif
