/*
 * ssh_pump: the thread that owns a libssh session.
 *
 * From ssh_pump_start() to ssh_pump_stop() nobody else may touch the session.
 * Each command has a lane (ssh_lane.h); bytes go both ways as fast as the
 * slower side takes them, and the end of either direction is passed on.
 */
#ifndef IMG_SSH_PUMP_H
#define IMG_SSH_PUMP_H

#include "lib/ssh/ssh_connect.h"

struct ssh_pump; /* opaque */

/*
 * Starts the thread for l, which stays the caller's and must outlive it.  NULL
 * with ST_FAILED recorded.
 */
struct ssh_pump *ssh_pump_start(struct ssh_link *l);

/* As ssh_exec(), ssh_exit_status() and ssh_lost_why(). */
int ssh_pump_exec(struct ssh_pump *p, const char *command);
int ssh_pump_exit_status(struct ssh_pump *p);
const char *ssh_pump_lost_why(struct ssh_pump *p);

/* The end of what was written to standard error, raw; the caller frees it. */
char *ssh_pump_stderr(struct ssh_pump *p);

/*
 * Ends the thread and frees p; accepts NULL.  What was written to sockets
 * that are closed by now is still sent.  Blocks for at most 1.5 s.
 */
void ssh_pump_stop(struct ssh_pump *p);

#endif
