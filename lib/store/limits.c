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

char *limits_trim(const char *path)
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
	root[l->count].path = squeeze(limits_trim(path));
	if (!root[l->count++].path)
		return err_set(ST_FAILED, "out of memory");
	return 0;
}

static int add_text(char ***list, size_t *count, const char *text)
{
	char **longer = realloc(*list, (*count + 1) * sizeof(*longer));

	if (!longer)
		return err_set(ST_FAILED, "out of memory");
	*list = longer;
	longer[*count] = strdup(text);
	return longer[(*count)++] ? 0 : err_set(ST_FAILED, "out of memory");
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
		if (add_text(&l->device, &l->device_count, path) < 0)
			goto fail;
	for (at = 0; (path = config_each(c, "storage.group", &at));) {
		l->limited = true;
		if (add_text(&l->group, &l->group_count, path) < 0)
			goto fail;
	}
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
	while (l->group_count)
		free(l->group[--l->group_count]);
	free(l->root);
	free(l->device);
	free(l->group);
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

static bool names_device(const struct limits *l, dev_t dev)
{
	struct stat st;
	size_t i;

	for (i = 0; i < l->device_count; i++)
		if (stat(l->device[i], &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == dev)
			return true;
	return false;
}

/* One that is named, by any of its nodes; else -1.  Nothing else is opened. */
static int open_device(const struct limits *l, const char *path, int flags)
{
	int node = open(path, O_PATH | O_CLOEXEC), fd = -1;
	char link[64];
	struct stat st;

	if (node < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", node);
	if (fstat(node, &st) == 0 && S_ISBLK(st.st_mode) && names_device(l, st.st_rdev))
		fd = open(link, flags | O_CLOEXEC);
	close(node);
	return fd;
}

static int open_limited(const struct limits *l, const char *path, int flags)
{
	char *full = absolute(path);
	const char *rest = NULL;
	int fd = -1;
	size_t i;

	if (!full)
		return err_sys("cannot resolve the path");
	for (i = 0; i < l->count; i++)
		if ((rest = below(full, l->root[i].path)))
			break;
	if (i == l->count && l->device_count) {
		fd = open_device(l, full, flags);
	}
	if (fd >= 0)
		;
	else if (i == l->count) {
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

int limits_allow_group(const struct limits *l, const char *group)
{
	size_t i;

	for (; l; l = l->also) {
		if (!l->limited)
			continue;
		for (i = 0; i < l->group_count && strcmp(l->group[i], group) != 0; i++)
			;
		if (i == l->group_count)
			return err_set(ST_REFUSED,
				"not allowed by %s: outside of the configured groups", l->file);
	}
	return 0;
}

int limits_allow_device(const struct limits *l, dev_t dev)
{
	bool is_named = false;

	for (; l; l = l->also) {
		if (names_device(l, dev))
			is_named = true;
		else if (l->limited)
			return err_set(ST_REFUSED,
				"not allowed by %s: a device that it does not name", l->file);
	}
	return is_named ? 0
			: err_set(ST_REFUSED, "is a device that no configuration names (see "
					      "storage.device in img-config)");
}

bool limits_are_narrow(const struct limits *l)
{
	return l->limited || (l->also && limits_are_narrow(l->also));
}

char *limits_spelling(const char *path)
{
	char *full = absolute(path), *bare = full ? limits_trim(full) : NULL;

	free(full);
	return bare;
}

const struct limits *limits_roots(const struct limits *l)
{
	return l->limited || !l->also || !l->also->limited ? l : l->also;
}
