/*
 * snapshot: how one is taken is the image's kind's affair; here is what they
 * have in common, and how it goes away.
 */
#include "lib/store/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/lvm/dm.h"
#include "lib/store/group.h"

#define DROP_TRIES 5
#define DROP_AGAIN_MS 500

/* A nameless file in the image's directory that shares its blocks. */
static int clone_file(const struct image *img)
{
	char *path = io_path_dup(img->fd), *slash = path ? strrchr(path, '/') : NULL, link[64];
	int fd = -1, ro = -1;

	if (!slash)
		err_sys("cannot tell where it lies");
	else {
		slash[slash == path ? 1 : 0] = '\0';
		fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (fd < 0)
			err_sys("no snapshot: cannot make a file beside it");
	}
	free(path);
	if (fd < 0)
		return -1;
	if (ioctl(fd, FICLONE, img->fd) < 0) {
		if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL || errno == EXDEV)
			err_set(ST_FAILED, "no snapshot: its filesystem has none");
		else
			err_sys("no snapshot");
	} else {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		ro = open(link, O_RDONLY | O_CLOEXEC);
		if (ro < 0)
			err_sys("cannot open the snapshot");
	}
	close(fd);
	return ro;
}

int snapshot_try_file(const struct image *img)
{
	int fd = clone_file(img);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int take_of_file(struct image *img, bool dry_run)
{
	int fd;

	if (dry_run)
		return snapshot_try_file(img);
	fd = clone_file(img);
	if (fd < 0)
		return -1;
	close(img->fd);
	img->fd = fd;
	return fstat(fd, &img->st) < 0 || img->ops->length(img, &img->len) < 0
		       ? err_sys("cannot look at the snapshot")
		       : 0;
}

/* LVM is told a name, which may be another volume's by now. */
static int check_name(const struct image *img, const struct volume_name *name)
{
	return volume_has_name(img->fd, name)
		       ? 0
		       : err_set(ST_ABSENT, "is not there any more: it was renamed, or removed");
}

static int take_of_volume(struct snapshot *s, struct image *img, const struct volume_name *origin,
	const struct snapshot_want *want)
{
	struct lvm_volume v;
	struct image own;
	int r;

	if (check_name(img, origin) < 0 || snapshot_volume_make(&v, origin, want) < 0)
		return -1;
	if (want->dry_run)
		return 0;
	s->is_volume = true;
	s->volume = volume_name_of(&v);
	memcpy(s->uuid, v.own_uuid, sizeof(s->uuid));
	r = image_open_volume(&own, &v);
	if (r == 0)
		r = check_name(img, origin);
	if (r == 0 && v.is_snapshot) {
		s->watch =
			snapshot_watch_start(&s->volume, own.st.st_rdev, own.len, want->autoextend);
		r = s->watch ? 0 : -1;
	}
	lvm_volume_fini(&v);
	if (r < 0) {
		image_close(&own);
		snapshot_drop(s);
		return -1;
	}
	own.may_change = img->may_change;
	own.watch = s->watch;
	image_close(img);
	*img = own;
	return 0;
}

int snapshot_take(struct snapshot *s, struct image *img, const struct snapshot_want *want)
{
	struct volume_name origin;

	memset(s, 0, sizeof(*s));
	if (S_ISREG(img->st.st_mode))
		return take_of_file(img, want->dry_run);
	if (!image_volume_name(img, &origin))
		return err_set(ST_FAILED, "no snapshot: it is neither a file nor a logical volume");
	return take_of_volume(s, img, &origin, want);
}

int snapshot_check(const struct snapshot *s)
{
	if (s->watch && snapshot_watch_is_spoiled(s->watch))
		return err_set(ST_CORRUPT, "the snapshot is invalid: it overflowed");
	return 0;
}

static int remove_volume(const struct snapshot *s)
{
	struct err e;

	if (volume_remove(&s->volume, s->uuid) == 0)
		return 0;
	/* An LVM that died may have left its origin suspended. */
	err_take(&e);
	group_mend(s->volume.group, false, NULL, NULL);
	err_put(&e);
	return -1;
}

int snapshot_drop(struct snapshot *s)
{
	int tries, r = -1;
	struct err e;

	if (!s->is_volume)
		return 0;
	err_take(&e);
	snapshot_watch_end(s->watch);
	s->watch = NULL;
	/* udev may look at it for moments. */
	for (tries = 0; r < 0 && tries < DROP_TRIES; tries++) {
		if (tries)
			poll(NULL, 0, DROP_AGAIN_MS);
		r = remove_volume(s);
	}
	if (r == 0 && tries > 1 && group_mend_refresh(s->volume.group) < 0)
		err_clear();
	if (r < 0)
		err_wrap("cannot remove the snapshot '%s' (see img-clean)", s->volume.name);
	if (r < 0 && e.status != ST_OK)
		log_warn("%s", err_text());
	s->is_volume = false;
	if (r == 0 || e.status != ST_OK)
		err_put(&e);
	return r;
}
