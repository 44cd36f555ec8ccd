/*
 * child_errors: what a running program writes to its standard error, passed on
 * line by line through the log, which makes it safe for a terminal.
 *
 * It is for programs that run as long as this one needs them, such as the user's
 * ssh.  A thread reads the pipe, so the program never waits for this process.
 */
#ifndef IMG_CHILD_ERRORS_H
#define IMG_CHILD_ERRORS_H

#include <stdbool.h>

#define CHILD_ERRORS_LINE 1024 /* bytes; a longer line is passed on in pieces */

struct child_errors; /* opaque */

/*
 * Starts the thread.  Each line is a warning "NAME: LINE" (name NULL: "LINE").
 * texts, which end with a NULL and are not copied, are looked for in each line
 * (NULL: none).  *fd is the program's end of the pipe, which the caller closes once
 * the program is started.  NULL with ST_FAILED recorded.
 */
struct child_errors *child_errors_open(const char *name, const char *const *texts, int *fd);

/*
 * Passes on what the program, which has ended, wrote last, and ends the thread.
 * Waits at most CHILD_ERRORS_END_MS for other processes that still have the pipe
 * open.  Whether a line had one of the texts.  Keeps the recorded error.
 */
#define CHILD_ERRORS_END_MS 500
bool child_errors_close(struct child_errors *e); /* accepts NULL */

#endif
