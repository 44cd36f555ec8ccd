/*
 * partial: the hidden file ".NAME.img-tools" that a run fills before it
 * becomes NAME.
 *
 * Its maker holds an open-file-description write lock on it for as long as it
 * lives, so a leftover is told from a run by trying the lock.  Where locks do not
 * reach from one host to another the extended attribute user.img-tools.run tells
 * whose it is (base/run.h).  Of a NAME that
 * is too long for the suffix only the beginning is used, and a hash of it all.
 */
#ifndef IMG_PARTIAL_H
#define IMG_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>

#define PARTIAL_SUFFIX ".img-tools"
#define PARTIAL_NAME_MAX 256 /* with the NUL */
#define PARTIAL_ATTR "user.img-tools.run"

/* The hidden name for name.  Returns out. */
char *partial_name(const char *name, char out[PARTIAL_NAME_MAX]);

/* Whether a directory entry is such a hidden file. */
bool partial_is(const char *entry);

/*
 * Creates the hidden file in dir, 0600, opened for reading and writing, and
 * locks it (where there are no locks: warns).  A dead run's is removed first.
 * The descriptor, or -1 recorded: ST_BUSY if a run that lives, or may live, has it,
 * ST_REFUSED if it is no file of ours.
 */
int partial_create(int dir, const char *hidden);

/* Checks as partial_create() would fail, changing nothing.  0 or -1. */
int partial_check(int dir, const char *hidden);

/*
 * The lock that a maker holds: on all bytes, so that QEMU, which locks some of
 * them, keeps away as well.  0, also with a warning where there are no locks, or -1
 * recorded: ST_BUSY if somebody has it.
 */
int partial_lock(int fd);

/* Takes away what tells whose it is, before it becomes NAME. */
void partial_unmark(int fd);

/*
 * Removes the hidden file of a dead run (unless only_look).  0, also if it is
 * gone; -1 recorded: ST_BUSY if the run lives, or may live, ST_REFUSED if it is no file of ours.
 */
int partial_clear(int dir, const char *hidden, bool only_look);

#endif
