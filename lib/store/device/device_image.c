/*
 * device_image: all of the device counts as allocated data, since it does not report
 * which parts were never written.
 */
#include "lib/store/device/device_image.h"

#include <fcntl.h>

#include "lib/base/err.h"
#include "lib/store/block_size.h"
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

static int check_device_size(struct image *img)
{
	return block_size_check(img->fd, img->len);
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
	else if (img->fd >= 0 && block_size_get(img->fd, &img->len) == 0)
		return img;
	image_close(img);
	return NULL;
}
