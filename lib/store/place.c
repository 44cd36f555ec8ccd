/*
 * place: a name is looked for among volumes first, since a group's directory
 * below /dev comes and goes with what is active in it.
 */
#include "lib/store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/store/store.h"

/* A volume that p->volume names, or name in the group that it is. */
static int in_group(struct place *p, const char *name)
{
	char path[VOLUME_PATH_MAX];

	if (!*p->volume.name && !name)
		return err_set(ST_REFUSED, "is a volume group, not an image");
	if (!*p->volume.name) {
		if (!lvm_name_is_valid(name))
			return err_set(ST_REFUSED, "'%s' is no name for a volume", name);
		memcpy(p->volume.name, name, strlen(name) + 1);
	}
	p->store = &store_volume;
	p->dir = -1;
	p->name = strdup(p->volume.name);
	p->path = strdup(volume_path(&p->volume, path));
	if (p->name && p->path)
		return 0;
	place_close(p);
	return err_set(ST_FAILED, "out of memory");
}

static int name_is_own(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/*
 * A device that may be written, by the node that has its real name, wherever links
 * to it lie: 1; 0: no such; -1 recorded.
 */
static int of_device(struct place *p, const struct limits *l, const char *path)
{
	struct stat st;
	char *real, *slash;
	int dir, r;

	if (stat(path, &st) < 0 || !S_ISBLK(st.st_mode))
		return 0;
	if (limits_allow_device(l, st.st_rdev) < 0) {
		err_clear();
		return 0;
	}
	real = realpath(path, NULL);
	slash = real ? strrchr(real, '/') : NULL;
	if (!slash) {
		free(real);
		return err_sys("cannot tell where it lies");
	}
	*slash = '\0';
	dir = open(slash == real ? "/" : real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? err_sys("cannot open '%s'", real) : place_in(p, dir, slash + 1);
	free(real);
	if (r < 0)
		return -1;
	p->store = &store_device;
	p->dev = st.st_rdev;
	return 1;
}

int place_open(struct place *p, const struct limits *l, const char *path)
{
	char *copy = limits_trim(path);
	char *slash = copy ? strrchr(copy, '/') : NULL;
	const char *name = slash ? slash + 1 : copy;
	const char *where = !slash ? "." : slash == copy ? "/" : copy;
	int r = -1, dir, is_volume;

	memset(p, 0, sizeof(*p));
	p->dir = -1;
	is_volume = volume_find(&p->volume, l, path);
	if (is_volume) {
		free(copy);
		return is_volume < 0 ? -1 : in_group(p, NULL);
	}
	r = of_device(p, l, path);
	if (r) {
		free(copy);
		return r < 0 ? -1 : 0;
	}
	r = -1;
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
	p->store = &store_file;
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

int place_for(struct place *p, const struct limits *l, const char *path, const char *name)
{
	bool slash = path[strlen(path) - 1] == '/';
	int dir, is_volume;

	memset(p, 0, sizeof(*p));
	p->dir = -1;
	is_volume = volume_find(&p->volume, l, path);
	if (is_volume < 0)
		return -1;
	if (is_volume && !*p->volume.name && !name)
		return err_set(ST_REFUSED, "is a group, and the source has no name of its own");
	if (is_volume)
		return in_group(p, *p->volume.name ? NULL : name);
	dir = limits_open(l, path, O_PATH | O_DIRECTORY);
	if (dir >= 0 && name)
		return place_in(p, dir, name);
	if (dir >= 0) {
		close(dir);
		return err_set(ST_REFUSED, "is a directory, and the source has no name of its own");
	}
	if (err_errno() != ENOENT && err_errno() != ENOTDIR)
		return -1;
	if (slash)
		return err_set(ST_ABSENT, "no such directory: '%s'", path);
	err_clear();
	return place_open(p, l, path);
}
