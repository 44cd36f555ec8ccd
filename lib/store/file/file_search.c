/*
 * file_search: only what is a regular file by the directory's own record is opened, as opening a
 * FIFO or a device can have effects.
 */
#include "lib/store/file/file_search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/pathname.h"
#include "lib/lvm/volume.h"
#include "lib/store/dependents.h"
#include "lib/store/file/file_list.h"
#include "lib/store/file/file_place.h"
#include "lib/store/file/partial.h"

#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

int file_search_peek(const struct place *base)
{
	if (!S_ISREG(((const struct place_file *)base)->st.st_mode))
		return err_set(ST_REFUSED, "is not a regular file");
	return file_place_open(base, O_RDONLY | O_NONBLOCK);
}

/* Whether it failed because the entry is no longer what the directory said. */
static bool has_vanished(void)
{
	return errno == ENOENT || errno == ELOOP || errno == ENXIO;
}

static int search_file(struct dependents *d, int dir, const char *name, const char *spelled)
{
	int fd = openat(dir, name, READ_FLAGS | O_NOFOLLOW), r = 0;
	const char *reason = fd < 0 ? strerror(errno) : NULL;
	struct stat st;

	if (fd < 0 && (has_vanished() || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0))
		return 0;
	if (fd < 0)
		return dependents_skip(d, spelled, &st, reason);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		r = dependents_look(d, fd, spelled, NULL);
	close(fd);
	return r;
}

/* Whether a link may be followed to what it leads to: a file, or a volume of an allowed group. */
static bool is_link_to_image(const struct policy *policy, const struct stat *st)
{
	struct volume_name name;

	if (!S_ISBLK(st->st_mode))
		return S_ISREG(st->st_mode);
	return volume_of_device(&name, st->st_rdev) > 0 &&
	       policy_allow_group(policy, name.group) == 0;
}

/* A broken link, or one that the policy does not allow, is no candidate. */
static int search_link(struct dependents *d, const char *spelled)
{
	const struct policy *policy = dependents_image(d)->policy;
	int node = policy_open(policy, spelled, O_PATH), fd, r = 0;
	struct stat st;
	char self[64];

	if (node >= 0 && fstat(node, &st) == 0 && is_link_to_image(policy, &st)) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", node);
		fd = open(self, READ_FLAGS);
		if (fd < 0 && !has_vanished())
			r = dependents_skip(d, spelled, &st, strerror(errno));
		if (fd >= 0)
			r = dependents_look(d, fd, spelled, S_ISBLK(st.st_mode) ? spelled : NULL);
		if (fd >= 0)
			close(fd);
	}
	if (node >= 0)
		close(node);
	if (r == 0)
		err_clear();
	return r;
}

static unsigned char type_of_entry(int dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type;
	return fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? DT_UNKNOWN
								     : IFTODT(st.st_mode);
}

static int search_directory(
	struct dependents *d, int fd, const char *spelled, bool below, int depth);

/* Hidden directories are skipped, as in a list; they hold snapshots of the storage, for instance.
 */
static int search_below(
	struct dependents *d, int dir, const char *name, const char *spelled, int depth)
{
	int fd;

	if (name[0] == '.' || depth >= FILE_LIST_DEPTH_MAX)
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return has_vanished() ? 0 : dependents_skip(d, spelled, NULL, strerror(errno));
	return search_directory(d, fd, spelled, true, depth + 1);
}

static int search_entry(struct dependents *d, int dir, const struct dirent *e, const char *spelled,
	int parts, int depth)
{
	unsigned char type = type_of_entry(dir, e);
	char *path;
	int r = 0;

	if (type == DT_DIR ? !(parts & DEPENDENTS_BELOW) : !(parts & DEPENDENTS_FILES))
		return 0;
	path = pathname_join(spelled, e->d_name);
	if (!path)
		return -1;
	if (type == DT_DIR)
		r = search_below(d, dir, e->d_name, path, depth);
	else if (type == DT_REG && !partial_is(e->d_name))
		r = search_file(d, dir, e->d_name, path);
	else if (type == DT_LNK)
		r = search_link(d, path);
	free(path);
	return r;
}

/* Takes over fd, the directory.  As search(). */
static int search_directory(
	struct dependents *d, int fd, const char *spelled, bool below, int depth)
{
	struct stat st;
	const struct dirent *e;
	DIR *dir = NULL;
	int r = 0, parts;

	parts = fstat(fd, &st) < 0 ? 0 : dependents_enter(d, &st, below);
	if (parts > 0)
		dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return parts > 0 ? err_set(ST_FAILED, "out of memory") : parts;
	}
	while (r == 0) {
		errno = 0;
		e = readdir(dir);
		if (!e && errno)
			r = dependents_skip(d, spelled, NULL, strerror(errno));
		if (!e)
			break;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (parts & DEPENDENTS_FILES && !dependents_count(d))
			break;
		r = search_entry(d, fd, e, spelled, parts, depth);
	}
	closedir(dir);
	return r;
}

/* Searches the directory dir, of which path is shown.  As search(). */
static int search_top(
	struct dependents *d, int dir, const char *spelled, const char *path, bool below)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dependents_begin(d, path);
	if (fd < 0)
		return dependents_skip(d, path, NULL, strerror(errno));
	return search_directory(d, fd, spelled, below, 0);
}

int file_search(const struct place *base, struct dependents *d)
{
	const struct place_file *p = (const struct place_file *)base;
	char *spelled, *path;
	int r = -1;

	if (base->is_container || p->by_link)
		return 0;
	spelled = pathname_parent(base->spelled);
	path = pathname_parent(base->path);
	if (spelled && path)
		r = search_top(d, p->dir, spelled, path, false);
	free(spelled);
	free(path);
	return r;
}

int file_search_allowed(const struct policy *policy, struct dependents *d)
{
	const struct policy *roots = policy_roots(policy);
	struct place *p;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < roots->count; i++) {
		p = place_open(policy, roots->root[i].path);
		if (p && p->is_container)
			r = search_top(
				d, ((const struct place_file *)p)->node, p->spelled, p->path, true);
		place_close(p);
	}
	if (r == 0)
		err_clear(); /* what was removed, or is outside of a narrower policy */
	return r;
}
