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
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/pathname.h"
#include "lib/host/identity.h"
#include "lib/host/mounts.h"
#include "lib/store/file/file_attributes.h"
#include "lib/store/file/file_clone.h"
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

struct snapshot_file {
	struct snapshot base;
	bool keep, is_published;
	int fd;		       /* of one for this job, until s->image has it; or -1 */
	struct target *target; /* of one that is kept, until it is published; or NULL */
	struct stat st;	       /* of the file that was published */
};

/* A file without a name beside the image: its descriptor, or -1 recorded. */
static int create_nameless(const struct image *origin)
{
	const struct place_file *p = (const struct place_file *)origin->place;
	int fd = openat(p->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		file_attributes_copy_nocow(fd, origin->fd, true);
	else if (errno == EOPNOTSUPP || errno == EISDIR)
		refuse_filesystem(origin);
	else
		err_sys("cannot create a snapshot beside it");
	return fd;
}

static int clone_failed(const struct image *origin)
{
	if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL || errno == EXDEV)
		return refuse_filesystem(origin);
	return err_sys("cannot take a snapshot");
}

/*
 * Finds out by one block whether the filesystem can do it, before the user's command runs, and
 * in a time that does not depend on the image.
 */
static int try_clone(int fd, const struct image *origin)
{
	struct file_clone_range range = { .src_fd = origin->fd,
		.src_length = (uint64_t)origin->st.st_blksize };

	if (origin->len <= range.src_length)
		range.src_length = 0; /* up to the end */
	if (ioctl(fd, FICLONERANGE, &range) < 0)
		return clone_failed(origin);
	return ftruncate(fd, 0) < 0 ? err_sys("cannot prepare a snapshot") : 0;
}

static int make_file(struct snapshot *base)
{
	struct snapshot_file *s = (struct snapshot_file *)base;
	int r;

	if (!s->keep)
		return file_clone(s->fd, base->origin->fd) < 0 ? clone_failed(base->origin) : 0;
	r = target_clone(s->target, base->origin);
	return r == 0 ? clone_failed(base->origin) : r < 0 ? -1 : 0;
}

static int complete_file(struct snapshot *base)
{
	struct snapshot_file *s = (struct snapshot_file *)base;

	if (s->keep)
		return target_settle(s->target);
	base->image = file_image_of(NULL, s->fd);
	s->fd = -1;
	return base->image ? 0 : -1;
}

static int publish_file_snapshot(struct snapshot *base)
{
	struct snapshot_file *s = (struct snapshot_file *)base;
	struct target *t = s->target;
	int fd = target_rewind(t);

	if (fd < 0 || fstat(fd, &s->st) < 0)
		return fd < 0 ? -1 : err_sys("cannot stat the snapshot");
	s->target = NULL;
	if (target_commit(t) < 0)
		return -1;
	s->is_published = true;
	return 0;
}

/* Another snapshot of the same moment failed after this one had got its name. */
static int remove_published(const struct snapshot_file *s)
{
	struct place *place = file_place_beside(s->base.origin->place, s->base.name);
	const struct place_file *p = (const struct place_file *)place;
	int r = place ? 0 : -1;

	if (p && p->node >= 0 && identity_is_same(&p->st, &s->st) &&
		unlinkat(p->dir, p->base.name, 0) < 0 && errno != ENOENT)
		r = err_sys("cannot remove the snapshot '%s'", s->base.path);
	place_close(place);
	return r;
}

static int remove_file_snapshot(struct snapshot *base)
{
	struct snapshot_file *s = (struct snapshot_file *)base;

	if (s->fd >= 0)
		close(s->fd);
	target_abort(s->target);
	return s->is_published ? remove_published(s) : 0;
}

static const struct snapshot_ops ops = {
	.make = make_file,
	.complete = complete_file,
	.publish = publish_file_snapshot,
	.remove = remove_file_snapshot,
};

/* The place of the snapshot, by the name that is wanted or by default.  NULL recorded. */
static struct place *find_snapshot_place(struct snapshot_file *s, const struct snapshot_want *want)
{
	const struct place *origin = s->base.origin->place;

	if (want->name && !pathname_is_name(want->name)) {
		err_set(ST_USAGE, "'%s' is not a name", want->name);
		return NULL;
	}
	s->base.name = want->name ? strdup(want->name)
				  : snapshot_default_name(origin->name, want->at, NAME_BYTES);
	return s->base.name ? file_place_beside(origin, s->base.name) : NULL;
}

static int prepare_kept(struct snapshot_file *s, const struct snapshot_want *want)
{
	struct target_want how = { .len = s->base.origin->len,
		.sparse = true,
		.fsync = true,
		.dry_run = want->dry_run,
		.source = s->base.origin,
		.share = true };
	struct place *place = find_snapshot_place(s, want);

	s->target = place ? target_make(place, &how) : NULL;
	if (!s->target && err_status() == ST_EXISTS)
		err_set(ST_EXISTS, "'%s' exists already", s->base.name);
	if (!s->target)
		return -1;
	s->base.path = strdup(target_path(s->target));
	return s->base.path ? 0 : err_set(ST_FAILED, "out of memory");
}

struct snapshot *file_snapshot_prepare(struct image *origin, const struct snapshot_want *want)
{
	struct snapshot_file *s = snapshot_new(sizeof(*s), &ops, origin);

	if (!s)
		return NULL;
	s->keep = want->keep;
	s->fd = -1;
	if (!want->keep || prepare_kept(s, want) == 0) {
		s->fd = create_nameless(origin);
		if (s->fd >= 0 && try_clone(s->fd, origin) == 0)
			return &s->base;
	}
	snapshot_drop(&s->base);
	return NULL;
}
