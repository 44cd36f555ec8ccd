/*
 * device_image: all of the device counts as allocated data, since it does not report
 * which parts were never written.
 */
#include "lib/store/device/device_image.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "lib/base/err.h"
#include "lib/store/device/device_mark.h"
#include "lib/store/device/device_place.h"

static int find_device_extent(struct image *img, uint64_t off, uint64_t *start, uint64_t *end)
{
	*start = off;
	*end = img->len;
	return off < img->len ? 1 : 0;
}

static int count_device_bytes(struct image *img, uint64_t *out)
{
	*out = img->len;
	return 0;
}

static int is_device_unfinished(struct image *img)
{
	uint8_t first[DEVICE_MARK_SIZE];
	size_t n = img->len < sizeof(first) ? (size_t)img->len : sizeof(first);

	return image_read(img, first, n, 0) < 0 ? -1 : device_mark_is(first, n);
}

static int read_device_size(int fd, uint64_t *out)
{
	return ioctl(fd, BLKGETSIZE64, out) < 0 ? err_sys("cannot get the device's size") : 0;
}

static int check_device_size(struct image *img)
{
	uint64_t len;

	if (read_device_size(img->fd, &len) < 0)
		return -1;
	return len == img->len
		       ? 0
		       : err_set(ST_CORRUPT, "the device changed its size while it was read");
}

static const struct image_ops ops = {
	.read = image_fd_read,
	.extent = find_device_extent,
	.allocated = count_device_bytes,
	.use = image_fd_use,
	.is_unfinished = is_device_unfinished,
	.check = check_device_size,
	.check_unwritten = image_check_unused,
};

struct image *device_image_open(struct place *place)
{
	struct image *img = image_new(sizeof(*img), &ops, "device", place);

	if (!img)
		return NULL;
	img->fd = device_place_open(place, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (img->fd >= 0 && fstat(img->fd, &img->st) < 0)
		err_sys("cannot stat");
	else if (img->fd >= 0 && read_device_size(img->fd, &img->len) == 0)
		return img;
	image_close(img);
	return NULL;
}
