/*
 * ssh_pump: the thread that owns a libssh session.
 *
 * From ssh_pump_start() to ssh_pump_stop() no other thread may use the session.  Each
 * command has a lane (ssh_lane.h), which passes data and end of file on in both
 * directions.  A slow reader stops the writer.
 */
#ifndef IMG_SSH_PUMP_H
#define IMG_SSH_PUMP_H

#include "lib/ssh/ssh_connect.h"

struct ssh_pump; /* opaque */

/*
 * Starts the thread for l, which the caller still owns and must keep until
 * ssh_pump_stop().  NULL with ST_FAILED recorded.
 */
struct ssh_pump *ssh_pump_start(struct ssh_link *l);

/* As ssh_exec(), ssh_exit_status() and ssh_lost_why(). */
int ssh_pump_exec(struct ssh_pump *p, const char *command);
int ssh_pump_exit_status(struct ssh_pump *p);
const char *ssh_pump_lost_why(struct ssh_pump *p);

/* As ssh_bytes() and ssh_round_ms(). */
uint64_t ssh_pump_bytes(struct ssh_pump *p);
int64_t ssh_pump_round_ms(struct ssh_pump *p);

/* The last bytes of standard error, unescaped; the caller frees it.  NULL: no memory. */
char *ssh_pump_stderr(struct ssh_pump *p);

/*
 * Ends the thread and frees p; accepts NULL.  Data that was written to sockets before
 * they were closed is still sent, for a moment.  Blocks for at most 1.5 s.
 */
void ssh_pump_stop(struct ssh_pump *p);

#endif
