/*
 * file_names: the names in a directory, in the order of their bytes, in memory
 * that does not grow with the directory.
 *
 * As many names as fit are sorted at a time; if there are more, the directory is
 * read again for those that follow.
 */
#ifndef IMG_FILE_NAMES_H
#define IMG_FILE_NAMES_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_NAMES_MIN 65536 /* bytes of memory that it needs at least */

struct file_names {
	DIR *dir; /* NULL: all names that are left are in memory */
	bool (*is_wanted)(const char *name);
	char *names; /* NUL-terminated; behind them, from the end down, where each begins */
	size_t size, used;
	size_t count, next;
	char last[256];	 /* all names up to this one were returned */
	char limit[256]; /* no name above this one is in memory; "": there is no limit */
};

/*
 * Begins with the directory fd, which it takes over, also on failure; size is the
 * memory in bytes.  0, or -1 recorded.
 */
int file_names_open(struct file_names *n, int fd, size_t size, bool (*is_wanted)(const char *name));

/* 1: *name is the next name, valid until the next call; 0: there is none; -1 recorded. */
int file_names_next(struct file_names *n, const char **name);

void file_names_close(struct file_names *n); /* accepts a zeroed one */

#endif
