/*
 * policy: the spelling of a path selects an allowed directory; then the kernel opens the path and
 * keeps it below that directory.
 */
#include "lib/base/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/pathname.h"

#define OPEN_TRIES 64 /* EAGAIN: something was renamed while the path was resolved */

static int add_root(struct policy *l, const char *path)
{
	struct policy_root *root = realloc(l->root, (l->count + 1) * sizeof(*root));
	char *absolute;
	int fd;

	if (!root)
		return err_set(ST_FAILED, "out of memory");
	l->root = root;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : err_sys("cannot open the configured directory '%s'", path);
	absolute = pathname_absolute(path);
	root[l->count].fd = fd;
	root[l->count].path = absolute ? pathname_trim(absolute) : NULL;
	free(absolute);
	return root[l->count++].path ? 0 : -1;
}

static int append_text(char ***list, size_t *count, const char *text)
{
	char **longer = realloc(*list, (*count + 1) * sizeof(*longer));

	if (!longer)
		return err_set(ST_FAILED, "out of memory");
	*list = longer;
	longer[*count] = strdup(text);
	return longer[(*count)++] ? 0 : err_set(ST_FAILED, "out of memory");
}

int policy_init(struct policy *l, const struct config *c, const char *file)
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
		if (append_text(&l->device, &l->device_count, path) < 0)
			goto fail;
	for (at = 0; (path = config_each(c, "storage.group", &at));) {
		l->limited = true;
		if (append_text(&l->group, &l->group_count, path) < 0)
			goto fail;
	}
	return 0;
fail:
	policy_fini(l);
	return -1;
}

void policy_fini(struct policy *l)
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

/* openat2 with resolve flags; repeated if directories are renamed meanwhile. */
static int open_resolved(int dir, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = resolve };
	int fd, tries = 0;

	do
		fd = (int)syscall(SYS_openat2, dir, *path ? path : ".", &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && ++tries < OPEN_TRIES);
	return fd;
}

static const struct policy_root *match_spelling(
	const struct policy *l, const char *spelled, const char **rest)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if ((*rest = pathname_below(spelled, l->root[i].path)))
			return &l->root[i];
	return NULL;
}

static bool leads_upwards(const char *rest)
{
	return strncmp(rest, "..", 2) == 0 && (rest[2] == '/' || rest[2] == '\0');
}

/* dir and rest as one path, where each ".." at the start of rest removes a part of dir. */
static char *fold_upwards(const char *dir, const char *rest)
{
	char *parent = pathname_trim(dir), *path, *slash;

	if (!parent)
		return NULL;
	for (; leads_upwards(rest); rest += strspn(rest, "/")) {
		slash = strrchr(parent, '/');
		slash[slash == parent ? 1 : 0] = '\0'; /* the parent of "/" is "/" */
		rest += 2;
	}
	path = pathname_join(parent, rest);
	free(parent);
	return path;
}

/*
 * The allowed directory that *spelled is below; *rest is the path from there.  Each ".." right
 * after an allowed directory leads upwards on that directory's own path, and is folded, since
 * the configured path is resolved already.  Any other is resolved by the kernel.  NULL: none, or
 * out of memory if *spelled is NULL.
 */
static const struct policy_root *match_root(
	const struct policy *l, char **spelled, const char **rest)
{
	const struct policy_root *root;
	char *folded;

	while ((root = match_spelling(l, *spelled, rest))) {
		if (!leads_upwards(*rest))
			return root;
		folded = fold_upwards(root->path, *rest);
		free(*spelled);
		*spelled = folded;
		if (!folded)
			return NULL;
	}
	return NULL;
}

static int open_below(const struct policy *l, const char *path, int flags)
{
	char *spelled = pathname_absolute(path);
	const struct policy_root *root;
	const char *rest;
	int fd = -1;

	root = spelled ? match_root(l, &spelled, &rest) : NULL;
	if (!spelled)
		return -1;
	if (!root)
		err_set(ST_REFUSED, "not allowed by %s: outside of the configured directories",
			l->file);
	else if ((fd = open_resolved(
			  root->fd, rest, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)) >= 0)
		;
	else if (errno == EXDEV)
		err_set(ST_REFUSED, "not allowed by %s: the path leads out of '%s'", l->file,
			root->path);
	else
		err_sys("cannot open");
	free(spelled);
	return fd;
}

static bool names_device(const struct policy *l, dev_t dev)
{
	struct stat st;
	size_t i;

	for (i = 0; i < l->device_count; i++)
		if (stat(l->device[i], &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == dev)
			return true;
	return false;
}

/* Opens a device that the configuration names, by any path to it; else -1, and the recorded error
 * is kept. */
static int open_configured_device(const struct policy *l, const char *path, int flags)
{
	int node, fd = -1;
	struct stat st, opened;

	if (!l->device_count)
		return -1;
	node = open(path, O_PATH | O_CLOEXEC);
	if (node < 0)
		return -1;
	if (fstat(node, &st) == 0 && S_ISBLK(st.st_mode) && names_device(l, st.st_rdev))
		fd = open(path, flags | O_CLOEXEC);
	close(node);
	if (fd >= 0 && (fstat(fd, &opened) < 0 || opened.st_rdev != st.st_rdev)) {
		close(fd);
		return -1;
	}
	return fd;
}

typedef int policy_opener(const struct policy *l, const char *path, int flags);

static int open_user_path(const struct policy *l, const char *path, int flags)
{
	int fd;

	if (l->limited) {
		fd = open_below(l, path, flags);
		if (fd < 0 && err_status() == ST_REFUSED && !err_errno() &&
			(fd = open_configured_device(l, path, flags)) >= 0)
			err_clear();
		return fd;
	}
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? err_sys("cannot open") : fd;
}

static int open_recorded(const struct policy *l, const char *path, int flags)
{
	int fd;

	if (l->limited)
		return open_below(l, path, flags);
	fd = open_resolved(AT_FDCWD, path, flags, RESOLVE_NO_MAGICLINKS);
	return fd < 0 ? err_sys("cannot open") : fd;
}

/* Whether the narrower policy leads to the same file: 0, or -1 recorded. */
static int check_narrower(const struct policy *l, const char *path, int fd, policy_opener *open_by)
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

static int open_by(const struct policy *l, const char *path, int flags, policy_opener *opener)
{
	int fd;

	if (!*path)
		return err_set(ST_USAGE, "an empty path");
	if (!l->also || !l->also->limited)
		return opener(l, path, flags);
	/* First by the wider policy, so that nothing that it forbids is opened or reported. */
	fd = open_by(l->also, path, flags, opener);
	if (fd >= 0 && l->limited && check_narrower(l, path, fd, opener) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int policy_open(const struct policy *l, const char *path, int flags)
{
	return open_by(l, path, flags, open_user_path);
}

int policy_open_recorded(const struct policy *l, const char *spelled, int flags)
{
	return open_by(l, spelled, flags, open_recorded);
}

int policy_find(const struct policy *l, const char *path)
{
	int node, fd = policy_open(l, path, O_PATH);
	char *absolute;
	struct stat st;
	bool is_in_dev;

	if (fd >= 0 || err_status() != ST_REFUSED)
		return fd;
	absolute = pathname_absolute(path);
	is_in_dev = absolute && strncmp(absolute, "/dev/", 5) == 0;
	free(absolute);
	node = is_in_dev ? open(path, O_PATH | O_CLOEXEC) : -1;
	if (node < 0)
		return -1;
	if (fstat(node, &st) == 0 && S_ISBLK(st.st_mode)) {
		err_clear();
		return node;
	}
	close(node);
	return -1;
}

int policy_allow_group(const struct policy *l, const char *group)
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

int policy_allow_device(const struct policy *l, dev_t dev)
{
	bool is_named = false;

	for (; l; l = l->also) {
		if (names_device(l, dev))
			is_named = true;
		else if (l->limited)
			return err_set(ST_REFUSED,
				"not allowed by %s: it does not name this device", l->file);
	}
	return is_named ? 0
			: err_set(ST_REFUSED, "is a device that no configuration names (see "
					      "storage.device in img-config)");
}

bool policy_is_narrow(const struct policy *l)
{
	return l->limited || (l->also && policy_is_narrow(l->also));
}

const struct policy *policy_roots(const struct policy *l)
{
	return l->limited || !l->also || !l->also->limited ? l : l->also;
}
