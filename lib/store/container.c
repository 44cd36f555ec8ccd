/*
 * container: one scandir a directory; every entry is opened by its path again
 * through the limits, so a name that is swapped meanwhile leads nowhere else.
 */
#include "lib/store/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/store/group.h"
#include "lib/store/info.h"
#include "lib/store/partial.h"
#include "lib/store/volume.h"

struct listing {
	const struct limits *limits;
	bool recursive;
	int (*each)(void *arg, const struct buf *record);
	void *arg;
};

static int is_shown(const struct dirent *e)
{
	return e->d_name[0] != '.' || partial_is(e->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static char *join(const char *dir, const char *name)
{
	size_t n = strlen(dir);
	char *all;

	if (!n)
		return strdup(name);
	return asprintf(&all, "%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", name) < 0 ? NULL : all;
}

/* What can be said of an entry that could not be opened, and why it could not. */
static void poor_record(struct buf *out, const char *path, const char *name, const struct stat *st)
{
	char *full = realpath(path, NULL);
	struct err e;

	err_take(&e);
	buf_clear(out);
	kv_add(out, "path", full ? full : path);
	free(full);
	kv_add(out, "name", name);
	kv_add(out, "kind",
		S_ISDIR(st->st_mode)   ? "directory"
		: S_ISBLK(st->st_mode) ? "device"
				       : "file");
	if (S_ISREG(st->st_mode)) {
		kv_add_u64(out, "allocation", (uint64_t)st->st_blocks * 512);
		kv_add_u64(out, "physical", (uint64_t)st->st_size);
	}
	kv_add(out, "error", e.text);
	kv_add_u64(out, "status", (uint64_t)e.status);
}

/* What a link leads to: 0, or -1 if to nothing, or out of the limits. */
static int follow(const struct limits *l, const char *path, struct stat *st)
{
	int r, fd = limits_open(l, path, O_PATH);

	r = fd < 0 ? -1 : fstat(fd, st);
	if (fd >= 0)
		close(fd);
	err_clear();
	return r;
}

static int list_dir(struct listing *l, const char *path, const char *below, int depth);

/* One entry: its record, and what is below it. */
static int list_entry(struct listing *l, int dir, const char *path, const char *below,
	const char *entry, int depth)
{
	char *full = join(path, entry), *name = join(below, entry);
	struct buf record = BUF_INIT;
	struct stat st, own;
	int r = 0;

	if (!full || !name) {
		r = err_set(ST_FAILED, "out of memory");
		goto out;
	}
	if (fstatat(dir, entry, &own, AT_SYMLINK_NOFOLLOW) < 0)
		goto out; /* gone */
	st = own;
	if (S_ISLNK(own.st_mode) && follow(l->limits, full, &st) < 0)
		goto out;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISBLK(st.st_mode))
		goto out;
	if (info_collect(l->limits, full, name, &record) < 0)
		poor_record(&record, full, name, &st);
	r = buf_failed(&record);
	if (r == 0)
		r = l->each(l->arg, &record);
	if (r == 0 && l->recursive && S_ISDIR(own.st_mode))
		r = list_dir(l, full, name, depth + 1);
out:
	buf_fini(&record);
	free(full);
	free(name);
	return r;
}

static int list_dir(struct listing *l, const char *path, const char *below, int depth)
{
	struct dirent **entry = NULL;
	int i, n, dir, r = 0;

	if (depth > CONTAINER_DEPTH_MAX)
		return 0;
	dir = limits_open(l->limits, path, O_RDONLY | O_DIRECTORY);
	if (dir < 0 && depth > 0) {
		err_clear(); /* its own record has said so */
		return 0;
	}
	if (dir < 0)
		return err_errno() == ENOTDIR ? err_set(ST_REFUSED, "is not a directory") : -1;
	n = scandirat(dir, ".", &entry, is_shown, by_name);
	if (n < 0)
		r = err_sys("cannot list");
	for (i = 0; i < n; i++) {
		if (r == 0)
			r = list_entry(l, dir, path, below, entry[i]->d_name, depth);
		free(entry[i]);
	}
	free(entry);
	close(dir);
	return r;
}

int container_list(const struct limits *limits, const char *path, bool recursive,
	int (*each)(void *arg, const struct buf *record), void *arg)
{
	struct listing l = { limits, recursive, each, arg };
	struct volume_name volume;
	int is_volume = volume_find(&volume, limits, path);

	if (is_volume < 0)
		return -1;
	if (!is_volume)
		return list_dir(&l, path, "", 0);
	if (*volume.name)
		return err_set(ST_REFUSED, "is a volume, not a directory or a group");
	return group_list(limits, volume.group, each, arg);
}
