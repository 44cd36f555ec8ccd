/*
 * spawn: fork() and exec() in a process with threads.  child.c is built on it.
 */
#ifndef IMG_SPAWN_H
#define IMG_SPAWN_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPAWN_SLOTS 4 /* descriptors 0 to 3 of the child */

struct spawn {
	char path[PATH_MAX];
	const char *const *argv;
	char *const *envp;
	int fd[SPAWN_SLOTS];  /* fd[n] becomes descriptor n; -1: 0 to 2 are inherited */
	int keep;	      /* a descriptor that stays open under its number; -1: none */
	const int *keep_more; /* further ones */
	size_t keep_more_count;
	bool own_session;
	bool ignores_stop;    /* SIGTSTP, that is Ctrl-Z, is ignored */
	bool own_group;	      /* a process group of its own, in the same session */
	bool dies_with_us;    /* it is killed if the thread that starts it ends */
	unsigned processor_s; /* limits, as in struct child */
	uint64_t memory;
};

/* Whether spawn_find() finds name.  Records no error. */
bool spawn_has(const char *name, const char *dirs);

/*
 * Finds name in dirs (directories separated by ':') as execvp() would; out takes
 * PATH_MAX bytes.  0, or -1 with ST_FAILED recorded.
 */
int spawn_find(const char *name, const char *dirs, char *out);

/*
 * Starts s; from[n] becomes its descriptor n (-1: see fd).  The pid, or -1 with
 * ST_FAILED recorded, also if the program cannot be executed.  Sets s->fd.
 */
pid_t spawn_start(struct spawn *s, const int from[SPAWN_SLOTS]);

/* Records that program cannot be run, for the errno sys.  Returns -1. */
int spawn_failed(const char *program, int sys);

/* Closes count descriptors (-1: none) and sets them to -1. */
void spawn_close(int *fd, size_t count);

#endif
