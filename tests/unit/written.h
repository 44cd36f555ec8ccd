/*
 * written: what a job has left in a directory.
 */
#ifndef IMG_WRITTEN_H
#define IMG_WRITTEN_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/store/file/partial.h"

/* The number of partial files in a directory; -1 if it cannot be read. */
static inline int written_partials(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += partial_is(e->d_name);
	if (d)
		closedir(d);
	return d ? n : -1;
}

/* Whether the file, which is not a link, has this text of less than 100 bytes and no more. */
static inline bool written_holds(const char *name, const char *text)
{
	char b[100];
	int fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : io_read(fd, b, sizeof(b));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) && memcmp(b, text, (size_t)n) == 0;
}

#endif
