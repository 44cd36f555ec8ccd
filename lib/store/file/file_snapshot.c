/*
 * file_snapshot: a file that shares the blocks of the image.  One that a job reads has no
 * name, so it vanishes when it is closed.  It is created in the image's directory, because
 * blocks can be shared only within one filesystem.
 */
#include "lib/store/file/file_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/pathname.h"
#include "lib/host/mounts.h"
#include "lib/store/file/file_attributes.h"
#include "lib/store/file/file_image.h"
#include "lib/store/file/file_place.h"
#include "lib/store/target.h"

#define NAME_BYTES 255 /* NAME_MAX of every filesystem that matters here */

static int refuse_filesystem(const struct image *origin)
{
	char type[MOUNTS_TYPE_MAX];

	mounts_type_of(origin->fd, type);
	return err_set(ST_FAILED, "its filesystem (%s) does not support snapshots",
		*type ? type : "unknown");
}

/* A nameless clone of the image: its descriptor, or -1 recorded. */
static int make_clone(const struct image *origin)
{
	const struct place_file *p = (const struct place_file *)origin->place;
	int fd = openat(p->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		return refuse_filesystem(origin);
	if (fd < 0)
		return err_sys("cannot create a snapshot beside it");
	file_attributes_copy_nocow(fd, origin->fd, true);
	if (ioctl(fd, FICLONE, origin->fd) == 0)
		return fd;
	if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL || errno == EXDEV)
		refuse_filesystem(origin);
	else
		err_sys("cannot take a snapshot");
	close(fd);
	return -1;
}

static const struct snapshot_ops ops = { .check = NULL };

struct snapshot *file_snapshot_take(struct image *origin, const struct snapshot_want *want)
{
	int fd = make_clone(origin);
	struct snapshot *s;

	if (fd < 0)
		return NULL;
	if (want->dry_run) {
		close(fd);
		return NULL;
	}
	s = snapshot_new(sizeof(*s), &ops);
	if (!s) {
		close(fd);
		return NULL;
	}
	s->image = file_image_of(NULL, fd);
	if (s->image)
		return s;
	free(s);
	return NULL;
}

/* The place of the snapshot, by the name that is wanted or by default.  NULL recorded. */
static struct place *find_snapshot_place(const struct image *origin, const char *wanted)
{
	struct place *place;
	char *name;

	if (wanted && !pathname_is_name(wanted)) {
		err_set(ST_USAGE, "'%s' is not a name", wanted);
		return NULL;
	}
	name = wanted ? strdup(wanted) : snapshot_default_name(origin->place->name, NAME_BYTES);
	place = name ? file_place_beside(origin->place, name) : NULL;
	free(name);
	return place;
}

/* Only finds out whether a clone can be made. */
static int try_clone(const struct image *origin)
{
	int fd = make_clone(origin);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int file_snapshot_keep(char **path, struct image *origin, const struct snapshot_want *want)
{
	struct target_want how = { .len = origin->len,
		.sparse = true,
		.fsync = true,
		.dry_run = want->dry_run,
		.source = origin,
		.share = true };
	struct place *place = find_snapshot_place(origin, want->name);
	struct target *t = place ? target_make(place, &how) : NULL;
	int r = -1;

	if (!t)
		return -1;
	*path = strdup(target_path(t));
	if (!*path) {
		err_set(ST_FAILED, "out of memory");
	} else if (want->dry_run) {
		r = try_clone(origin);
	} else {
		r = target_clone(t, origin);
		if (r == 1)
			return target_commit(t);
		r = r == 0 ? refuse_filesystem(origin) : -1;
	}
	target_abort(t);
	return r;
}
