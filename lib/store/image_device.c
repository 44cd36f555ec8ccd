/*
 * image_device: an image that is some block device.  It is its own size, and
 * nothing tells which parts of it were ever written.
 */
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "lib/base/err.h"
#include "lib/store/image.h"

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

static int is_unfinished(struct image *img, const struct limits *l)
{
	(void)img;
	(void)l;
	return 0;
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
