/*
 * watch_exec: runs the user's command for the events of a disk, one at a time.
 *
 * Each disk has a thread that runs its commands, so that a slow one delays neither the watching
 * nor the commands of other disks.
 */
#ifndef IMG_WATCH_EXEC_H
#define IMG_WATCH_EXEC_H

#include "lib/base/buf.h"

#define WATCH_EXEC_WAITING 16 /* events of a disk that wait; further ones get no command */
#define WATCH_EXEC_MS 60000   /* after that time a command is ended */

struct watch_exec; /* opaque */

/*
 * Starts nothing yet.  command is for /bin/sh -c; it and location, for messages, are borrowed.
 * NULL recorded.
 */
struct watch_exec *watch_exec_new(const char *command, const char *location);

/*
 * Runs the command with these variables, NAME=VALUE with a NUL after each, in addition to the
 * environment of this process.  Does not block.  If it fails, or cannot be run, that is a warning.
 */
void watch_exec_run(struct watch_exec *x, const struct buf *variables);

/*
 * Waits for the commands, each of which has a limit in time; those that are running when cancel is
 * set are ended.  Frees x; accepts NULL.
 */
void watch_exec_free(struct watch_exec *x);

#endif
