/*
 * child: running another program, by argv and never through a shell.
 *
 * A child gets LC_ALL=C, a fixed PATH, HOME and nothing else of the
 * environment; standard input from /dev/null; no descriptor but 0 to 2 and
 * those named.  Output is bounded by CHILD_OUTPUT_MAX.
 */
#ifndef IMG_CHILD_H
#define IMG_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/buf.h"

#define CHILD_OUTPUT_MAX (16u << 20)
#define CHILD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct child {
	const char *const *argv; /* argv[0] is looked up in CHILD_PATH */
	int keep_fd;		 /* a descriptor that stays open in it, or -1 */
	bool own_session;	 /* setsid(): the terminal's signals pass it by */
	int limit_ms;	 /* with own_session: killed after so long, and all it started; 0: none */
	struct buf *out; /* standard output is appended here, or NULL */
	struct buf *errors; /* standard error likewise; NULL: dropped */
};

/* Whether child_run() would find such a program. */
bool child_has(const char *program);

/*
 * Runs it to its end.  Blocks.  Returns its exit status (128 + signal if it
 * was killed), or -1 with an error recorded: ST_FAILED naming the program if
 * it is missing or cannot be started, if its output was too long, or if it was
 * killed for taking longer than limit_ms.
 */
int child_run(const struct child *c);

/*
 * Starts argv with standard input and output on in and out (either -1:
 * inherited), standard error and environment inherited; argv[0] is looked up
 * in the user's PATH if it has no '/'.  keep_fd, if not -1, becomes descriptor
 * 3.  The pid, or -1 with an error recorded (127-style failures included).
 */
pid_t child_start(const char *const *argv, int in, int out, int keep_fd);

/*
 * Waits for pid at most timeout_ms (-1: for ever).  1 and *status as waitpid
 * has it; 0: still running; -1 with an error recorded.
 */
int child_wait(pid_t pid, int timeout_ms, int *status);

#endif
