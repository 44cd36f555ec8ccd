/*
 * precheck: the checks that come before a file, or its name, is changed.
 */
#ifndef IMG_PRECHECK_H
#define IMG_PRECHECK_H

#include <stdbool.h>

#include "lib/store/file/file_place.h"

/*
 * Opens the file at p with flags (O_RDONLY or O_RDWR), after the checks of
 * precheck_stat().  The descriptor, which the caller closes, or -1 recorded: also
 * ST_ABSENT, and ST_BUSY if it is in use.
 */
int precheck_open(const struct place_file *p, int flags, bool allow_links);

/*
 * Refuses a symbolic link, a directory, what is not a regular file, and (without
 * allow_links) a file with several links.  0, or -1 with ST_REFUSED recorded.
 */
int precheck_stat(const struct place_file *p, bool allow_links);

/* Refuses only a file with several links, without allow_links.  0, or -1 recorded. */
int precheck_links(const struct place_file *p, bool allow_links);

/*
 * Whether this user may write to the file, which is not opened, also not at its end only.  0, or -1
 * recorded.
 */
int precheck_writable(const struct place_file *p);

/*
 * Refuses a file that could not be removed, renamed or replaced in the end, because it
 * or its directory is immutable or append-only, because it is a mount point, or because it is
 * another user's in a sticky directory; with dry_run also a directory that is not writable.  The
 * file need not exist.  0, or -1 recorded.
 */
int precheck_fixed(const struct place_file *p, bool dry_run);

/* Whether dir has the sticky bit, and we may not remove or rename its entry st for that. */
bool precheck_is_kept(int dir, const struct stat *st);

/*
 * Whether no entry of dir can be removed: dir is not writable, immutable or append-only.  errno
 * says why.
 */
bool precheck_keeps_entries(int dir);

/* /dev is kept in memory, so a file there would not survive a reboot.  0, or -1 recorded. */
int precheck_devices(const struct place_file *p);

#endif
