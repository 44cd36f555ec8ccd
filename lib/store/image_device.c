/*
 * image_device: an image that is some block device.  It is its own size, and
 * nothing tells which parts of it were ever written.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/store/image.h"
#include "lib/store/unfinished.h"

static int length(struct image *img, uint64_t *out)
{
	return ioctl(img->fd, BLKGETSIZE64, out) < 0 ? err_sys("cannot get the device's size") : 0;
}

static int extent(struct image *img, uint64_t off, uint64_t *start, uint64_t *end)
{
	*start = off;
	*end = img->len;
	return off < img->len ? 1 : 0;
}

static int allocated(struct image *img, uint64_t *out)
{
	*out = img->len;
	return 0;
}

/* By the node with its real name, as target_device has it. */
static int is_unfinished(struct image *img, const struct limits *l)
{
	char *path = io_path_dup(img->fd), *slash = path ? strrchr(path, '/') : NULL;
	int dir, is = 0;

	(void)l;
	if (slash && slash > path) {
		*slash = '\0';
		dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0) {
			is = unfinished_is(img->fd, dir, slash + 1);
			close(dir);
		}
	}
	free(path);
	return is;
}

static int check(struct image *img)
{
	uint64_t len;

	if (length(img, &len) < 0)
		return -1;
	return len == img->len ? 0 : err_set(ST_CORRUPT, "the device changed its size");
}

const struct image_ops image_device_ops = {
	.kind = "device",
	.length = length,
	.extent = extent,
	.allocated = allocated,
	.is_unfinished = is_unfinished,
	.check = check,
};
