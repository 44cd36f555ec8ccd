/*
 * child: running other programs, by argv and never through a shell.
 *
 * child_run() gives the program an environment of LC_ALL=C, a fixed PATH and
 * HOME, standard input from /dev/null or in_fd, and no descriptors but 0 to 2,
 * keep_fd and keep_more.  Each of its two outputs is limited to CHILD_OUTPUT_MAX bytes.
 *
 * A program that only reads, or that writes a hidden copy, ends with its job.  One that changes
 * an image in place, such as LVM, is always waited for.
 */
#ifndef IMG_CHILD_H
#define IMG_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"

#define CHILD_OUTPUT_MAX (16u << 20)
#define CHILD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct child {
	const char *const *argv; /* argv[0] is looked up in CHILD_PATH */
	int keep_fd;		 /* a descriptor that stays open in the child, or -1 */
	const int *keep_more;	 /* further ones, all above 3 */
	size_t keep_more_count;
	int in_fd;	  /* its standard input; 0: /dev/null */
	bool own_session; /* setsid(): it does not get the terminal's signals */
	/*
	 * Its process group is ended on cancel (lib/base/cancel.h), and it is killed if this
	 * process dies.  Implies own_session.
	 */
	bool ends_with_job;
	int limit_ms; /* time until its process group is killed; 0: none.  The limit */
	/* needs own_session or ends_with_job */
	unsigned processor_s; /* processor time until it is killed, in seconds; 0: no limit */
	uint64_t memory;      /* bytes of address space; 0: no limit */
	struct buf *out;      /* standard output is appended here; NULL: /dev/null */
	struct buf *errors;   /* the same for standard error; NULL: /dev/null */
	/*
	 * The program is ended as soon as a line of its standard error begins with this.  Then
	 * more than CHILD_OUTPUT_MAX of it is no failure, but dropped.  NULL: never; needs
	 * ends_with_job.
	 */
	const char *stop_at;
	/* Called every tick_ms while the program runs; what it wrote is in out.  NULL: never. */
	void (*tick)(void *arg);
	void *tick_arg;
	int tick_ms;
};

#define CHILD_STOPPED 1000 /* a result: see stop_at */

/* Whether child_run() would find the program. */
bool child_has(const char *program);

/*
 * Runs the program to its end.  Blocks.  Returns its exit status (128 + signal if
 * a signal killed it), CHILD_STOPPED, or -1 with ST_FAILED recorded, naming the program: it is
 * missing or cannot be started, its output is too long, it was killed by one of its limits, or
 * the job was cancelled.
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
 * The same in a process group of its own, which child_end_group() ends; for a program that must
 * not outlive its job, and does not read from the terminal.
 */
pid_t child_start_group(const char *const *argv, int in, int out, int errors);

/* Whether child_start() and the two others would find the program. */
bool child_is_in_path(const char *program);

/*
 * Sends TERM to the process group of pid, and KILL after a second, and waits until pid ends; not
 * longer than a few seconds, as even a killed process can hang in the kernel.
 */
void child_end_group(pid_t pid);

/*
 * Waits until pid ends, at most timeout_ms (-1: without limit), without the time in which this
 * process was stopped.  1: it has ended, and *status is set as by waitpid(); 0: it is still
 * running; -1 with an error recorded.
 */
int child_wait(pid_t pid, int timeout_ms, int *status);

/* The same, with a limit.  0 also as soon as cancel is set (lib/base/cancel.h). */
int child_wait_or_cancel(pid_t pid, int timeout_ms, int *status);

#endif
