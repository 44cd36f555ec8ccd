/*
 * spawn: fork() and exec() in a process with threads; what child.c is made of.
 */
#ifndef IMG_SPAWN_H
#define IMG_SPAWN_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SPAWN_SLOTS 4 /* descriptors 0 to 3 of the child */

struct spawn {
	char path[PATH_MAX];
	const char *const *argv;
	char *const *envp;
	int fd[SPAWN_SLOTS]; /* becomes this number; -1: as the parent has it (0 to 2) */
	int keep;	     /* keeps its number; -1: none */
	bool own_session;
};

/* As spawn_find(), and records nothing. */
bool spawn_has(const char *name, const char *dirs);

/* Finds name in dirs as execvp() would; out takes PATH_MAX bytes.  0 or -1 recorded. */
int spawn_find(const char *name, const char *dirs, char *out);

/* Starts s with from[] as its descriptors.  The pid, or -1 with an error recorded. */
pid_t spawn_start(struct spawn *s, const int from[SPAWN_SLOTS]);

/* Records that program cannot be run, by the errno sys.  -1. */
int spawn_failed(const char *program, int sys);

/* Closes those that are open, and sets them to -1. */
void spawn_close(int *fd, size_t count);

#endif
