/*
 * image: finds the kind of storage behind a path; the rest is the kind's.
 */
#include "lib/store/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/store/snapshot.h"
#include "lib/store/volume.h"

static int pick_kind(struct image *img)
{
	if (S_ISDIR(img->st.st_mode))
		return err_set(ST_REFUSED, "is a directory, not an image");
	if (!S_ISREG(img->st.st_mode) && !S_ISBLK(img->st.st_mode))
		return err_set(ST_REFUSED, "is neither a regular file nor a block device");
	img->ops = S_ISREG(img->st.st_mode) ? &image_file_ops : &image_device_ops;
	return 0;
}

static int open_other(struct image *img, const struct limits *l, const char *path)
{
	img->fd = limits_open(l, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (img->fd < 0 && err_errno() == ENXIO) /* a socket, or a device without a driver */
		return err_set(ST_REFUSED, "is neither a regular file nor a block device");
	return img->fd < 0 ? -1 : 0;
}

/* What is left once it is open and its kind known. */
static int settle(struct image *img, const char *path)
{
	img->path = strdup(path);
	if (!img->path)
		return err_set(ST_FAILED, "out of memory");
	if (fstat(img->fd, &img->st) < 0)
		return err_sys("cannot stat");
	if (!img->ops && pick_kind(img) < 0)
		return -1;
	return img->ops->length(img, &img->len);
}

int image_open_volume(struct image *img, const struct lvm_volume *lv)
{
	const struct volume_name name = volume_name_of(lv);
	char path[VOLUME_PATH_MAX];

	memset(img, 0, sizeof(*img));
	img->fd = -1;
	if (image_volume_take(img, lv) == 0 && settle(img, volume_path(&name, path)) == 0)
		return 0;
	image_close(img);
	return -1;
}

static int open_named(struct image *img, const struct volume_name *name)
{
	struct lvm_volume lv;
	int r;

	if (!*name->name)
		return err_set(ST_REFUSED, "is a volume group, not an image");
	if (volume_look(&lv, name) < 0)
		return -1;
	r = image_open_volume(img, &lv);
	lvm_volume_fini(&lv);
	return r;
}

int image_open(struct image *img, const struct limits *l, const char *path)
{
	struct volume_name volume;
	int is_volume = volume_find(&volume, l, path);

	memset(img, 0, sizeof(*img));
	img->fd = -1;
	if (is_volume)
		return is_volume < 0 ? -1 : open_named(img, &volume);
	if (open_other(img, l, path) == 0 && settle(img, path) == 0)
		return 0;
	image_close(img);
	return -1;
}

void image_close(struct image *img)
{
	if (img->ops && img->ops->release)
		img->ops->release(img);
	if (img->fd > 0)
		close(img->fd);
	free(img->path);
	memset(img, 0, sizeof(*img));
	img->fd = -1;
}

int image_read(struct image *img, void *p, size_t n, uint64_t off)
{
	ssize_t got = io_pread(img->fd, p, n, off);
	int sys = errno;

	/* Of an invalid one what is cached can still be read, and the rest fails. */
	if (img->watch && snapshot_watch_is_spoiled(img->watch))
		return err_set(ST_CORRUPT, "the snapshot is invalid: it overflowed");
	if (got < 0 && img->ops->check(img) < 0 && err_status() == ST_CORRUPT)
		return -1;
	errno = sys;
	if (got < 0)
		return err_sys("cannot read at %llu", (unsigned long long)off);
	if ((size_t)got < n)
		return err_set(ST_CORRUPT, "the source shrank while it was read: it ends at %llu",
			(unsigned long long)off + (unsigned long long)got);
	return 0;
}
