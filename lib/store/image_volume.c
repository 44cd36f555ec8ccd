/*
 * image_volume: an image that is a logical volume.  Of a thin one only what its
 * pool has mapped may hold something.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/lvm/dm.h"
#include "lib/lvm/thin.h"
#include "lib/store/image.h"
#include "lib/store/volume.h"

struct volume_image {
	struct lvm_volume lv;
	struct thin_map map;
	bool map_tried, has_map;
};

static int length(struct image *img, uint64_t *out)
{
	return ioctl(img->fd, BLKGETSIZE64, out) < 0 ? err_sys("cannot get the volume's size") : 0;
}

/* Without it everything has to be read, which takes longer and is as right. */
static void read_map(struct image *img, struct volume_image *v)
{
	v->map_tried = true;
	if (!v->lv.is_thin || img->may_change)
		return;
	v->has_map = thin_map_read(&v->map, img->st.st_rdev) == 0;
	if (!v->has_map)
		log_info("reading all of it: %s", err_text());
	err_clear();
}

static int extent(struct image *img, uint64_t off, uint64_t *start, uint64_t *end)
{
	struct volume_image *v = img->own;
	const struct thin_range *range;

	if (off >= img->len)
		return 0;
	if (!v->map_tried)
		read_map(img, v);
	*start = off;
	*end = img->len;
	if (!v->has_map)
		return 1;
	range = thin_map_find(&v->map, off);
	if (!range || range->start >= img->len)
		return 0;
	*start = range->start > off ? range->start : off;
	*end = range->end < img->len ? range->end : img->len;
	return 1;
}

/* LVM has it in percent, of which two digits are left. */
static int allocated(struct image *img, uint64_t *out)
{
	const struct volume_image *v = img->own;
	unsigned long long sectors;
	char text[256];

	*out = v->lv.size;
	if (v->lv.used >= 0)
		*out = (uint64_t)((double)v->lv.size * v->lv.used);
	if (v->lv.is_thin && dm_status(img->st.st_rdev, text, sizeof(text)) == 0 &&
		sscanf(text, "thin %llu", &sectors) == 1)
		*out = sectors * 512;
	err_clear();
	return 0;
}

static int is_unfinished(struct image *img, const struct limits *l)
{
	(void)l;
	return volume_is_unfinished(&((struct volume_image *)img->own)->lv);
}

/* A thick snapshot that overflowed still gives what is cached, and calls it well. */
static int check(struct image *img)
{
	const struct volume_image *v = img->own;
	struct dm_fill fill;

	if (!v->lv.is_snapshot)
		return 0;
	if (dm_snapshot_fill(img->st.st_rdev, &fill) < 0)
		return -1;
	return fill.invalid ? err_set(ST_CORRUPT, "the snapshot is invalid: it overflowed") : 0;
}

static void describe(const struct image *img, struct buf *out)
{
	const struct volume_image *v = img->own;
	struct dm_fill fill;

	if (!*v->lv.origin)
		return;
	kv_add(out, "snapshot.origin", v->lv.origin);
	if (!v->lv.is_snapshot)
		return;
	if (dm_snapshot_fill(img->st.st_rdev, &fill) < 0) {
		err_clear();
		fill.used = v->lv.used;
		fill.invalid = v->lv.is_invalid;
	}
	if (fill.used >= 0)
		kv_addf(out, "snapshot.used", "%.6f", fill.used);
	kv_add_bool(out, "snapshot.invalid", fill.invalid);
}

static void release(struct image *img)
{
	struct volume_image *v = img->own;

	if (!v)
		return;
	thin_map_fini(&v->map);
	lvm_volume_fini(&v->lv);
	free(v);
}

const struct image_ops image_volume_ops = {
	.kind = "volume",
	.length = length,
	.extent = extent,
	.allocated = allocated,
	.is_unfinished = is_unfinished,
	.check = check,
	.describe = describe,
	.release = release,
};

bool image_volume_name(const struct image *img, struct volume_name *out)
{
	const struct volume_image *v = img->own;

	if (img->ops != &image_volume_ops)
		return false;
	*out = volume_name_of(&v->lv);
	return true;
}

int image_volume_check_alone(const struct image *img)
{
	const struct volume_image *v = img->own;

	return img->ops == &image_volume_ops ? volume_check_lock_type(v->lv.lock_type) : 0;
}

int image_volume_take(struct image *img, const struct lvm_volume *lv)
{
	struct volume_image *v = calloc(1, sizeof(*v));

	if (!v)
		return err_set(ST_FAILED, "out of memory");
	img->ops = &image_volume_ops;
	img->own = v;
	v->lv = *lv;
	v->lv.tags = strdup(lv->tags);
	if (!v->lv.tags)
		return err_set(ST_FAILED, "out of memory");
	img->fd = volume_open(lv, O_RDONLY);
	return img->fd < 0 ? -1 : 0;
}
