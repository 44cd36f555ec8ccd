/*
 * partial: the hidden file ".NAME.img-tools" that a job fills before it becomes NAME.
 *
 * The job holds an open-file-description write lock on it until the end, so a file
 * whose lock is free is stale.  Locks may not be visible from another host.  Therefore
 * the extended attribute user.img-tools.run also records the job (base/run.h).  If
 * NAME is too long for the suffix, its beginning and a hash of it are used.
 */
#ifndef IMG_PARTIAL_H
#define IMG_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>

#define PARTIAL_SUFFIX ".img-tools"
#define PARTIAL_NAME_MAX 256 /* with the NUL */
#define PARTIAL_ATTR "user.img-tools.run"

/* The hidden name of name.  Returns out. */
char *partial_name(const char *name, char out[PARTIAL_NAME_MAX]);

/* Whether a directory entry is such a hidden file. */
bool partial_is(const char *entry);

/* Whether dir/name still leads to the open file fd: nobody has removed or replaced it. */
bool partial_is_same(int dir, const char *name, int fd);

/*
 * Creates the hidden file in dir with mode 0600, opens it for reading and writing, and
 * locks it, or warns if the filesystem has no locks.  A stale one is removed first.
 * The descriptor, which the caller closes, or -1 recorded: ST_BUSY if a job that is or
 * may be running has the file, ST_REFUSED if it is not a partial file.
 */
int partial_create(int dir, const char *hidden);

/* Makes the checks of partial_create() and changes nothing.  0, or -1 recorded. */
int partial_check(int dir, const char *hidden);

/*
 * Locks all bytes of fd, which also keeps out QEMU, since it locks some of them.  Held
 * until fd is closed.  0, also where there are no locks, after a warning; or -1
 * recorded: ST_BUSY if another process holds a lock.
 */
int partial_lock(int fd);

/* Removes the attribute that records the job, before the file becomes NAME. */
void partial_unmark(int fd);

/*
 * Removes the hidden file if it is stale; with dry_run only checks that.  0, also if
 * there is no such file; -1 recorded: ST_BUSY if its job is or may be running,
 * ST_REFUSED if it is not a partial file.
 */
int partial_clear(int dir, const char *hidden, bool dry_run);

#endif
