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

static int add_root(struct policy *policy, const char *path)
{
	struct policy_root *root = realloc(policy->root, (policy->count + 1) * sizeof(*root));
	char *absolute;
	int fd;

	if (!root)
		return err_set(ST_FAILED, "out of memory");
	policy->root = root;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* What does not exist, or cannot be reached by this user, allows nothing. */
	if (fd < 0 && (errno == ENOENT || errno == EACCES))
		return 0;
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(ST_USAGE, "%s: storage.directory is '%s', which is no directory",
			policy->file, path);
	if (fd < 0)
		return err_sys("cannot open the configured directory '%s'", path);
	absolute = pathname_absolute(path);
	root[policy->count].fd = fd;
	root[policy->count].path = absolute ? pathname_trim(absolute) : NULL;
	free(absolute);
	return root[policy->count++].path ? 0 : -1;
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

int policy_init(struct policy *policy, const struct config *c, const char *file)
{
	const char *path;
	size_t at;

	memset(policy, 0, sizeof(*policy));
	policy->file = file;
	for (at = 0; (path = config_each(c, "storage.directory", &at));) {
		policy->limited = true;
		if (add_root(policy, path) < 0)
			goto fail;
	}
	for (at = 0; (path = config_each(c, "storage.device", &at));)
		if (append_text(&policy->device, &policy->device_count, path) < 0)
			goto fail;
	for (at = 0; (path = config_each(c, "storage.group", &at));) {
		policy->limited = true;
		if (append_text(&policy->group, &policy->group_count, path) < 0)
			goto fail;
	}
	return 0;
fail:
	policy_fini(policy);
	return -1;
}

void policy_fini(struct policy *policy)
{
	while (policy->count) {
		policy->count--;
		close(policy->root[policy->count].fd);
		free(policy->root[policy->count].path);
	}
	while (policy->device_count)
		free(policy->device[--policy->device_count]);
	while (policy->group_count)
		free(policy->group[--policy->group_count]);
	free(policy->root);
	free(policy->device);
	free(policy->group);
	memset(policy, 0, sizeof(*policy));
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

/* The next one after `last`, or the first if that is NULL. */
static const struct policy_root *match_spelling(const struct policy *policy, const char *spelled,
	const char **rest, const struct policy_root *last)
{
	size_t i;

	for (i = last ? (size_t)(last - policy->root) + 1 : 0; i < policy->count; i++)
		if ((*rest = pathname_below(spelled, policy->root[i].path)))
			return &policy->root[i];
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
	const struct policy *policy, char **spelled, const char **rest)
{
	const struct policy_root *root;
	char *folded;

	while ((root = match_spelling(policy, *spelled, rest, NULL))) {
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

static int open_below(const struct policy *policy, const char *path, int flags)
{
	char *spelled = pathname_absolute(path);
	const struct policy_root *first, *root;
	const char *rest;
	int fd = -1;

	first = spelled ? match_root(policy, &spelled, &rest) : NULL;
	if (!spelled)
		return -1;
	errno = EXDEV;
	/* What leads out of one directory may be below another that holds it or is a link in it. */
	for (root = first; root && fd < 0 && errno == EXDEV;
		root = match_spelling(policy, spelled, &rest, root))
		fd = open_resolved(root->fd, rest, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	if (fd >= 0)
		;
	else if (!first)
		err_set(ST_REFUSED, "not allowed by %s: outside of the configured directories",
			policy->file);
	else if (errno == EXDEV)
		err_set(ST_REFUSED, "not allowed by %s: the path leads out of '%s'", policy->file,
			first->path);
	else
		err_sys("cannot open");
	free(spelled);
	return fd;
}

static bool names_device(const struct policy *policy, dev_t dev)
{
	struct stat st;
	size_t i;

	for (i = 0; i < policy->device_count; i++)
		if (stat(policy->device[i], &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == dev)
			return true;
	return false;
}

/* Opens a device that the configuration names, by any path to it; else -1, and the recorded error
 * is kept. */
static int open_configured_device(const struct policy *policy, const char *path, int flags)
{
	int node, fd = -1;
	struct stat st, opened;

	if (!policy->device_count)
		return -1;
	node = open(path, O_PATH | O_CLOEXEC);
	if (node < 0)
		return -1;
	if (fstat(node, &st) == 0 && S_ISBLK(st.st_mode) && names_device(policy, st.st_rdev))
		fd = open(path, flags | O_CLOEXEC);
	close(node);
	if (fd >= 0 && (fstat(fd, &opened) < 0 || opened.st_rdev != st.st_rdev)) {
		close(fd);
		return -1;
	}
	return fd;
}

typedef int policy_opener(const struct policy *policy, const char *path, int flags);

static int open_user_path(const struct policy *policy, const char *path, int flags)
{
	int fd;

	if (policy->limited) {
		fd = open_below(policy, path, flags);
		if (fd < 0 && err_status() == ST_REFUSED && !err_errno() &&
			(fd = open_configured_device(policy, path, flags)) >= 0)
			err_clear();
		return fd;
	}
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? err_sys("cannot open") : fd;
}

static int open_recorded(const struct policy *policy, const char *path, int flags)
{
	int fd;

	if (policy->limited)
		return open_below(policy, path, flags);
	fd = open_resolved(AT_FDCWD, path, flags, RESOLVE_NO_MAGICLINKS);
	return fd < 0 ? err_sys("cannot open") : fd;
}

/* Whether the narrower policy leads to the same file: 0, or -1 recorded. */
static int check_narrower(
	const struct policy *policy, const char *path, int fd, policy_opener *open_by)
{
	struct stat a, b;
	int other = open_by(policy, path, O_PATH), r = -1;

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

static int open_by(const struct policy *policy, const char *path, int flags, policy_opener *opener)
{
	int fd;

	if (!*path)
		return err_set(ST_USAGE, "an empty path");
	if (pathname_check_start(path) < 0)
		return -1;
	if (!policy->also || !policy->also->limited)
		return opener(policy, path, flags);
	/* First by the wider policy, so that nothing that it forbids is opened or reported. */
	fd = open_by(policy->also, path, flags, opener);
	if (fd >= 0 && policy->limited && check_narrower(policy, path, fd, opener) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int policy_open(const struct policy *policy, const char *path, int flags)
{
	return open_by(policy, path, flags, open_user_path);
}

int policy_open_recorded(const struct policy *policy, const char *spelled, int flags)
{
	return open_by(policy, spelled, flags, open_recorded);
}

int policy_find(const struct policy *policy, const char *path)
{
	int node, fd = policy_open(policy, path, O_PATH);
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

uid_t policy_owner_of(const struct policy *policy, const char *path)
{
	int node = policy_find(policy, path);
	struct stat st = { .st_uid = 0 };

	if (node < 0 || fstat(node, &st) < 0)
		st.st_uid = 0;
	if (node >= 0)
		close(node);
	err_clear();
	return st.st_uid;
}

int policy_allow_group(const struct policy *policy, const char *group)
{
	size_t i;

	for (; policy; policy = policy->also) {
		if (!policy->limited)
			continue;
		for (i = 0; i < policy->group_count && strcmp(policy->group[i], group) != 0; i++)
			;
		if (i == policy->group_count)
			return err_set(ST_REFUSED,
				"not allowed by %s: outside of the configured groups",
				policy->file);
	}
	return 0;
}

int policy_allow_device(const struct policy *policy, dev_t dev)
{
	bool is_named = false;

	for (; policy; policy = policy->also) {
		if (names_device(policy, dev))
			is_named = true;
		else if (policy->limited || policy->device_count)
			return err_set(ST_REFUSED,
				"not allowed by %s: it does not name this device", policy->file);
	}
	return is_named ? 0
			: err_set(ST_REFUSED, "is a device that no configuration names (see "
					      "storage.device in img-config)");
}

bool policy_is_narrow(const struct policy *policy)
{
	return policy->limited || (policy->also && policy_is_narrow(policy->also));
}

const struct policy *policy_roots(const struct policy *policy)
{
	return policy->limited || !policy->also || !policy->also->limited ? policy : policy->also;
}
