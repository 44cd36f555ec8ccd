/*
 * hook: the user's own commands around a snapshot, as to freeze a guest and
 * thaw it.
 */
#ifndef IMG_HOOK_H
#define IMG_HOOK_H

#define HOOK_SECONDS 60 /* if nobody says anything */

/*
 * Runs command by /bin/sh -c, in a session of its own, and kills it and what it
 * started after that many seconds; what it prints goes to the log.  name is for
 * messages.  0, or -1 recorded: it failed.  NULL as command does nothing.
 * Cancelling does not end it.
 */
int hook_run(const char *name, const char *command, unsigned seconds);

#endif
