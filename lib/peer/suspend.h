/*
 * suspend: Ctrl-Z (SIGTSTP), announced to the other hosts before this process stops.
 *
 * Their helpers would otherwise take its silence for a lost connection.
 */
#ifndef IMG_SUSPEND_H
#define IMG_SUSPEND_H

#include "lib/wire/conn.h"

/*
 * From now on the connection is told.  The first call blocks SIGTSTP in the calling
 * thread, which must be the one that starts all others, unless it is ignored.  0, or
 * -1 with ST_FAILED recorded.
 */
int suspend_watch(struct conn *c);

/* Ends that; accepts a connection that is not told. */
void suspend_forget(struct conn *c);

#endif
