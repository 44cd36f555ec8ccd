/*
 * descriptor: see descriptor.h.
 */
#include "lib/cli/descriptor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/cli/usage.h"

/* The descriptor that path names, or -1. */
static int descriptor_number(const char *path)
{
	static const char *const dirs[] = { "/dev/fd/", "/proc/self/fd/" };
	unsigned long n;
	char *end;
	size_t i;

	if (strcmp(path, "/dev/stdin") == 0)
		return STDIN_FILENO;
	if (strcmp(path, "/dev/stdout") == 0)
		return STDOUT_FILENO;
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (strncmp(path, dirs[i], strlen(dirs[i])) != 0)
			continue;
		path += strlen(dirs[i]);
		n = strtoul(path, &end, 10);
		return *path >= '0' && *path <= '9' && *end == '\0' && n < 1u << 20 ? (int)n : -1;
	}
	return -1;
}

int descriptor_adopt(struct location *loc, int to)
{
	int flags, fd = loc->host || loc->is_stdio ? -1 : descriptor_number(loc->path);

	flags = fd < 0 || fd == STDERR_FILENO ? -1 : fcntl(fd, F_GETFL);
	if (flags < 0)
		return 0; /* no such path, which the helper reports */
	if ((flags & O_ACCMODE) == (to == STDIN_FILENO ? O_WRONLY : O_RDONLY))
		return usage_error("the descriptor is not open for %s",
			to == STDIN_FILENO ? "reading" : "writing");
	if (fd != to && dup2(fd, to) < 0)
		return err_sys("cannot use the descriptor");
	loc->is_stdio = true;
	return 0;
}
