/*
 * hook: runs the user's commands before and after a snapshot, for instance to freeze and thaw
 * a guest.
 */
#ifndef IMG_HOOK_H
#define IMG_HOOK_H

#define HOOK_SECONDS 60 /* the default time limit */

/*
 * Runs command by /bin/sh -c in a session of its own, and waits for it.  After that many seconds
 * it is killed with all that it started.  Its output goes to the log; name is for messages.  0,
 * also if command is NULL; -1 recorded: it failed.  cancel_set() does not end it.
 */
int hook_run(const char *name, const char *command, unsigned seconds);

#endif
