/*
 * cancel: a process-wide flag that tells all code to stop and clean up.
 *
 * A signal (INT, TERM, HUP), the loss of the peer or an abort by the client sets
 * it.  It is never unset.  Blocking code polls cancel_fd() together with its own
 * descriptor.
 */
#ifndef IMG_CANCEL_H
#define IMG_CANCEL_H

#include <stdbool.h>

/* Creates the descriptor.  0, or -1 with ST_FAILED recorded. */
int cancel_init(void);

/*
 * Catches INT, TERM and HUP, except those that were ignored at the start (nohup
 * relies on that), and ignores PIPE.  The first signal caught sets cancel.
 */
void cancel_on_signals(void);

/*
 * As if SIGPIPE had been caught, unless that was ignored at the start: the reader of what this
 * process prints is gone.
 */
void cancel_on_broken_pipe(void);

/*
 * From now on another signal, a second or more after the first one, kills the
 * process at once.  For a process that has nothing to clean up itself.
 */
void cancel_at_once_if_again(void);

void cancel_set(void); /* async-signal-safe */
bool cancel_is_set(void);

/*
 * The same, once a signal that was sent before has been handled: it may wait for another thread to
 * run.  So the end of the input that follows from a signal to all of a pipeline is never taken for
 * the end of the data.
 */
bool cancel_is_set_by_now(void);

/* cancel_is_set() as an error: 0, or -1 with ST_FAILED, "interrupted", recorded. */
int cancel_check(void);

int cancel_signal(void); /* the first signal caught, or 0 */

/* A descriptor that becomes readable at cancel_set() and stays so. */
int cancel_fd(void);

/* Dies of the first signal caught; returns if there was none. */
void cancel_die(void);

#endif
