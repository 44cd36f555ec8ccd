/*
 * volume_image: an image that is a logical volume.  A thin volume can hold data only where
 * its pool has mapped chunks.
 */
#include "lib/store/volume/volume_image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/base/log.h"
#include "lib/lvm/dm.h"
#include "lib/lvm/thin.h"
#include "lib/store/block_size.h"
#include "lib/store/volume/volume_describe.h"
#include "lib/store/volume/volume_place.h"

struct image_volume {
	struct image base;
	struct lvm_volume lv;
	struct thin_map map;
	bool map_tried, has_map;
};

static const struct image_volume *volume_of(const struct image *img)
{
	return (const struct image_volume *)img;
}

/* Without the map all of the volume is read: correct, but slower. */
static void read_map(struct image_volume *v)
{
	v->map_tried = true;
	if (!v->lv.is_thin || v->base.may_change)
		return;
	/*
	 * The kernel writes what it caches of a device when its last user closes it.  A writer that
	 * has closed it may not have been the last: we have it open.
	 */
	if (fsync(v->base.fd) < 0)
		err_sys("cannot sync it to disk");
	else
		v->has_map = thin_map_read(&v->map, v->base.st.st_rdev) == 0;
	if (!v->has_map)
		log_info("reading all of the volume: %s", err_text());
	err_clear();
}

static int find_volume_extent(struct image *img, uint64_t off, uint64_t *start, uint64_t *end)
{
	struct image_volume *v = (struct image_volume *)img;
	const struct thin_range *range;

	if (off >= img->len)
		return 0;
	if (!v->map_tried)
		read_map(v);
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

/* LVM reports only a percentage, with two decimals; of a thin volume the kernel knows more. */
static int count_volume_bytes(struct image *img, uint64_t *out)
{
	const struct image_volume *v = volume_of(img);
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

static int read_volume_commit(struct image *img, char **record)
{
	*record = lvm_tag(&volume_of(img)->lv, VOLUME_TAG_COMMIT);
	return *record ? 1 : 0;
}

/* While it is extended for a commit, it has both marks, and its new space may hold old data. */
static int find_volume_state(struct image *img)
{
	const struct lvm_volume *v = &volume_of(img)->lv;
	char *commit = lvm_tag(v, VOLUME_TAG_COMMIT), *mark = lvm_tag(v, VOLUME_TAG_UNFINISHED);
	int r = commit && !mark ? IMAGE_COMMITTING : volume_is_unfinished(v);

	free(commit);
	free(mark);
	return r;
}

/* A listing has found out already whether it is open elsewhere. */
static int find_volume_users(struct image *img, struct inuse *u)
{
	const struct place_volume *p = (const struct place_volume *)img->place;

	return p->known ? inuse_look_known(img->fd, p->base.path, u, p->known_open)
			: image_fd_use(img, u);
}

static int check_not_shared(struct image *img)
{
	return volume_check_lock_type(volume_of(img)->lv.lock_type);
}

/* Cached blocks of a thick snapshot that has overflowed can be read without an error. */
static int check_volume(struct image *img)
{
	const struct image_volume *v = volume_of(img);
	struct dm_usage usage;

	if (block_size_check(img->fd, img->len) < 0)
		return -1;
	if (!v->lv.is_snapshot)
		return 0;
	if (dm_snapshot_usage(img->st.st_rdev, &usage) < 0)
		return -1;
	return usage.invalid ? err_set(ST_CORRUPT, "the snapshot is invalid: it overflowed") : 0;
}

static void describe_volume(const struct image *img, struct buf *out)
{
	volume_describe(&volume_of(img)->lv, (const struct place_volume *)img->place, out);
}

static void free_volume(struct image *img)
{
	struct image_volume *v = (struct image_volume *)img;

	thin_map_fini(&v->map);
	lvm_volume_fini(&v->lv);
}

static const struct image_ops ops = {
	.read = image_fd_read,
	.extent = find_volume_extent,
	.allocated = count_volume_bytes,
	.use = find_volume_users,
	.check_unshared = check_not_shared,
	.is_unfinished = find_volume_state,
	.commit_record = read_volume_commit,
	.check = check_volume,
	.check_unwritten = image_check_unused,
	.describe = describe_volume,
	.release = free_volume,
};

struct image *volume_image_open(struct place *place)
{
	struct image_volume *v = image_new(sizeof(*v), &ops, "volume", place);
	struct image *img = &v->base;

	if (!v)
		return NULL;
	if (volume_place_look_readable(place, &v->lv) < 0 || volume_check_image(&v->lv) < 0 ||
		(img->fd = volume_place_open(&v->lv, O_RDONLY)) < 0)
		goto fail;
	if (fstat(img->fd, &img->st) < 0)
		err_sys("cannot stat");
	else if (block_size_get(img->fd, &img->len) == 0)
		return img;
fail:
	image_close(img);
	return NULL;
}

struct volume_name volume_image_name(const struct image *img)
{
	return volume_name_of(&volume_of(img)->lv);
}

int volume_image_space(const struct image *img, struct backend_space *out)
{
	const struct lvm_volume *v = &volume_of(img)->lv;

	if (geteuid() != 0)
		return err_set(ST_REFUSED, "LVM needs root (%s)", hint_sudo());
	if (volume_check_changeable(v) < 0)
		return -1;
	if (v->is_snapshot)
		return err_set(ST_REFUSED, "is a snapshot, which has the size of its origin");
	if (v->is_origin)
		return err_set(ST_REFUSED, "has snapshots, so LVM cannot change its size");
	memcpy(out->group, v->group, sizeof(out->group));
	out->is_thin = v->is_thin;
	out->free = v->is_thin ? UINT64_MAX : v->group_free;
	out->unit = v->extent_size;
	return 0;
}

int volume_image_remember(struct image *img)
{
	return volume_place_keep(img->place, &volume_of(img)->lv);
}
