/*
 * cancel: the whole process is to stop what it does and clean up.
 *
 * Set once, by a signal (INT, TERM, HUP), a lost peer or a client's abort;
 * never unset.  Blocking code polls cancel_fd() beside its own descriptor.
 */
#ifndef IMG_CANCEL_H
#define IMG_CANCEL_H

#include <stdbool.h>

/* Makes the descriptor.  0, or -1 with ST_FAILED recorded. */
int cancel_init(void);

/*
 * Catches INT, TERM and HUP (each only if not ignored at start, as nohup
 * needs) and ignores PIPE.  The first caught one sets cancel.
 */
void cancel_on_signals(void);

/*
 * From now on a further signal, a second or more after the first, kills the
 * process at once: for one that has nothing to clean up itself.
 */
void cancel_at_once_if_again(void);

void cancel_set(void); /* async-signal-safe */
bool cancel_is_set(void);
int cancel_signal(void); /* the signal that did it, or 0 */

/* Readable from cancel_set() on, for ever. */
int cancel_fd(void);

/* Dies of the signal that cancelled, if one did; else returns. */
void cancel_die(void);

#endif
