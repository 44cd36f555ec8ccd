/*
 * pathname: see pathname.h.
 */
#include "lib/base/pathname.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"

/* pathname_enter() has failed: the directory, borrowed, and errno. */
static const char *start;
static int start_errno;

static char *check_memory(char *s)
{
	if (!s)
		err_set(ST_FAILED, "out of memory");
	return s;
}

/* Replaces "//" and "/./" by "/", in place. */
static char *squeeze(char *path)
{
	const char *in = path;
	char *out = path;

	while (in && *in) {
		if (in[0] == '/' && (in[1] == '/' || (in[1] == '.' && in[2] == '/')))
			in += in[1] == '/' ? 1 : 2;
		else
			*out++ = *in++;
	}
	if (out)
		*out = '\0';
	return path;
}

const char *pathname_home(void)
{
	const char *home = getenv("HOME");

	if (home && *home)
		return home;
	return geteuid() == 0 ? "/root" : NULL;
}

void pathname_enter(const char *dir)
{
	start = dir;
	start_errno = chdir(dir) < 0 ? errno : 0;
}

int pathname_check_start(const char *path)
{
	if (path[0] == '/' || !start_errno)
		return 0;
	return err_set(ST_REFUSED, "cannot enter '%s', where relative paths start: %s", start,
		strerror(start_errno));
}

char *pathname_absolute(const char *path)
{
	char *cwd, *all;

	if (path[0] == '/')
		return check_memory(squeeze(strdup(path)));
	if (pathname_check_start(path) < 0)
		return NULL;
	cwd = getcwd(NULL, 0);
	if (!cwd) {
		err_sys("cannot get the current directory");
		return NULL;
	}
	all = pathname_join(cwd, path);
	free(cwd);
	return squeeze(all);
}

char *pathname_trim(const char *path)
{
	char *s = check_memory(strdup(path));
	size_t n = s ? strlen(s) : 0;

	while (n > 1 && s[n - 1] == '/')
		s[--n] = '\0';
	return s;
}

char *pathname_join(const char *dir, const char *name)
{
	size_t n = strlen(dir);
	char *all;

	if (asprintf(&all, "%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name) < 0)
		all = NULL;
	return check_memory(all);
}

char *pathname_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return check_memory(strdup("."));
	return check_memory(slash > path ? strndup(path, (size_t)(slash - path)) : strdup("/"));
}

const char *pathname_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *pathname_below(const char *path, const char *dir)
{
	size_t n = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	if (strncmp(path, dir, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	path += n;
	return path + strspn(path, "/");
}

bool pathname_is_name(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/');
}
