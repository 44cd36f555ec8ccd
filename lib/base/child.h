/*
 * child: running other programs, by argv and never through a shell.
 *
 * child_run() gives the program an environment of LC_ALL=C, a fixed PATH and
 * HOME, standard input from /dev/null, and no descriptors but 0 to 2 and
 * keep_fd.  Each of its two outputs is limited to CHILD_OUTPUT_MAX bytes.
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
	int keep_fd;		 /* a descriptor that stays open in the child, or -1 */
	bool own_session;	 /* setsid(): it does not get the terminal's signals */
	int limit_ms;	 /* time until its process group is killed (needs own_session); 0: none */
	struct buf *out; /* standard output is appended here; NULL: /dev/null */
	struct buf *errors; /* the same for standard error; NULL: /dev/null */
};

/* Whether child_run() would find the program. */
bool child_has(const char *program);

/*
 * Runs the program to its end.  Blocks.  Returns its exit status (128 + signal if
 * a signal killed it), or -1 with ST_FAILED recorded, naming the program: it is
 * missing or cannot be started, its output is too long, or it took longer than
 * limit_ms and was killed.
 */
int child_run(const struct child *c);

/*
 * Starts argv with in and out as its standard input and output (-1: inherited);
 * standard error and the environment are inherited.  argv[0] is looked up in the
 * user's PATH if it has no '/'.  keep_fd, if not -1, becomes descriptor 3.  The
 * pid, or -1 with ST_FAILED recorded, also if the program cannot be executed.
 */
pid_t child_start(const char *const *argv, int in, int out, int keep_fd);

/*
 * The same with errors as its standard error (-1: inherited), and no descriptor 3.
 * ignores_stop: Ctrl-Z does not stop it.
 */
pid_t child_start_errors(const char *const *argv, int in, int out, int errors, bool ignores_stop);

/*
 * Waits until pid ends, at most timeout_ms (-1: without limit).  1: it has ended,
 * and *status is set as by waitpid(); 0: it is still running; -1 with an error
 * recorded.
 */
int child_wait(pid_t pid, int timeout_ms, int *status);

#endif
