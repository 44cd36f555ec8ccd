/*
 * limits: spelling chooses the root, the kernel keeps the walk below it.
 */
#include "lib/store/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"

#define OPEN_TRIES 64 /* EAGAIN: something was renamed during the walk */

static char *without_slashes(const char *path)
{
	char *s = strdup(path);
	size_t n = s ? strlen(s) : 0;

	while (n > 1 && s[n - 1] == '/')
		s[--n] = '\0';
	return s;
}

/* Leaves out what names nothing, "//" and "/./", so that a spelling can be compared. */
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

static int add_root(struct limits *l, const char *path)
{
	struct limits_root *root = realloc(l->root, (l->count + 1) * sizeof(*root));
	int fd;

	if (!root)
		return err_set(ST_FAILED, "out of memory");
	l->root = root;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : err_sys("cannot open the configured directory '%s'", path);
	root[l->count].fd = fd;
	root[l->count].path = squeeze(without_slashes(path));
	if (!root[l->count++].path)
		return err_set(ST_FAILED, "out of memory");
	return 0;
}

static int add_device(struct limits *l, const char *path)
{
	char **device = realloc(l->device, (l->device_count + 1) * sizeof(*device));

	if (!device)
		return err_set(ST_FAILED, "out of memory");
	l->device = device;
	device[l->device_count] = strdup(path);
	return device[l->device_count++] ? 0 : err_set(ST_FAILED, "out of memory");
}

int limits_init(struct limits *l, const struct config *c, const char *file)
{
	const char *path;
	size_t at;

	memset(l, 0, sizeof(*l));
	l->file = file;
	for (at = 0; (path = config_each(c, "storage.directory", &at));) {
		l->limited = true;
		if (add_root(l, path) < 0)
			goto fail;
	}
	for (at = 0; (path = config_each(c, "storage.device", &at));)
		if (add_device(l, path) < 0)
			goto fail;
	if (config_get(c, "storage.group"))
		l->limited = true;
	return 0;
fail:
	limits_fini(l);
	return -1;
}

void limits_fini(struct limits *l)
{
	while (l->count) {
		l->count--;
		close(l->root[l->count].fd);
		free(l->root[l->count].path);
	}
	while (l->device_count)
		free(l->device[--l->device_count]);
	free(l->root);
	free(l->device);
	memset(l, 0, sizeof(*l));
}

static int open_beneath(int root, const char *rest, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	int fd, tries = 0;

	do
		fd = (int)syscall(SYS_openat2, root, *rest ? rest : ".", &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && ++tries < OPEN_TRIES);
	return fd;
}

/* What follows root in path, without leading slashes; NULL: path is not below it. */
static const char *below(const char *path, const char *root)
{
	size_t n = strlen(root);

	if (strcmp(root, "/") == 0)
		n = 0;
	if (strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	path += n;
	return path + strspn(path, "/");
}

static char *absolute(const char *path)
{
	char *cwd, *all;

	if (path[0] == '/')
		return squeeze(strdup(path));
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return NULL;
	if (asprintf(&all, "%s/%s", cwd, path) < 0)
		all = NULL;
	free(cwd);
	return squeeze(all);
}

static int open_limited(const struct limits *l, const char *path, int flags)
{
	char *full = absolute(path);
	const char *rest;
	int fd = -1;
	size_t i;

	if (!full)
		return err_sys("cannot resolve the path");
	for (i = 0; i < l->count; i++)
		if ((rest = below(full, l->root[i].path)))
			break;
	if (i == l->count) {
		err_set(ST_REFUSED, "not allowed by %s: outside of the configured directories",
			l->file);
	} else {
		fd = open_beneath(l->root[i].fd, rest, (uint64_t)flags);
		if (fd < 0 && errno == EXDEV)
			err_set(ST_REFUSED, "not allowed by %s: the path leads out of '%s'",
				l->file, l->root[i].path);
		else if (fd < 0)
			err_sys("cannot open");
	}
	free(full);
	return fd;
}

static int open_by(const struct limits *l, const char *path, int flags)
{
	int fd;

	if (l->limited)
		return open_limited(l, path, flags);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? err_sys("cannot open") : fd;
}

/* Whether the narrower limits lead to the very same thing. */
static int check_narrower(const struct limits *l, const char *path, int fd)
{
	struct stat a, b;
	int other = open_by(l, path, O_PATH), r = -1;

	if (other < 0)
		return -1;
	if (fstat(fd, &a) < 0 || fstat(other, &b) < 0)
		err_sys("cannot stat");
	else if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		err_set(ST_REFUSED, "was replaced while it was opened");
	else
		r = 0;
	close(other);
	return r;
}

int limits_open(const struct limits *l, const char *path, int flags)
{
	int fd;

	if (!*path)
		return err_set(ST_USAGE, "an empty path");
	if (!l->also || !l->also->limited)
		return open_by(l, path, flags);
	/* By the wider ones, so that nothing beyond them is ever opened, or told of. */
	fd = limits_open(l->also, path, flags);
	if (fd >= 0 && l->limited && check_narrower(l, path, fd) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

const struct limits *limits_roots(const struct limits *l)
{
	return l->limited || !l->also || !l->also->limited ? l : l->also;
}

static int name_is_own(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int place_open(struct place *p, const struct limits *l, const char *path)
{
	char *copy = without_slashes(path);
	char *slash = copy ? strrchr(copy, '/') : NULL;
	const char *name = slash ? slash + 1 : copy;
	const char *where = !slash ? "." : slash == copy ? "/" : copy;
	int r = -1, dir;

	memset(p, 0, sizeof(*p));
	p->dir = -1;
	if (!copy)
		return err_set(ST_FAILED, "out of memory");
	if (!name_is_own(name)) {
		err_set(ST_REFUSED, "not the name of an image");
		goto out;
	}
	if (slash)
		*slash = '\0';
	dir = limits_open(l, where, O_PATH | O_DIRECTORY);
	if (dir >= 0)
		r = place_in(p, dir, name);
	else if (err_errno() == ENOENT || err_errno() == ENOTDIR)
		err_set(ST_ABSENT, "no such directory: '%s'", where);
out:
	free(copy);
	return r;
}

int place_in(struct place *p, int dir, const char *name)
{
	char *path = io_path_dup(dir);
	int r = 0;

	memset(p, 0, sizeof(*p));
	p->dir = dir;
	p->name = strdup(name);
	if (path && asprintf(&p->path, "%s/%s", strcmp(path, "/") == 0 ? "" : path, name) < 0)
		p->path = NULL;
	if (!path)
		r = err_sys("cannot tell where '%s' lies", name);
	else if (!name_is_own(name) || strchr(name, '/'))
		r = err_set(ST_REFUSED, "not the name of an image: '%s'", name);
	else if (!p->name || !p->path)
		r = err_set(ST_FAILED, "out of memory");
	free(path);
	if (r < 0)
		place_close(p);
	return r;
}

void place_close(struct place *p)
{
	if (p->dir > 0)
		close(p->dir);
	free(p->name);
	free(p->path);
	memset(p, 0, sizeof(*p));
	p->dir = -1;
}
