/*
 * image_file: an image that is a regular file.
 */
#include <errno.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/image.h"
#include "lib/store/place.h"
#include "lib/store/unfinished.h"

static int length(struct image *img, uint64_t *out)
{
	struct stat st;

	if (fstat(img->fd, &st) < 0)
		return err_sys("cannot stat");
	*out = (uint64_t)st.st_size;
	return 0;
}

static int extent(struct image *img, uint64_t off, uint64_t *start, uint64_t *end)
{
	off_t data = lseek(img->fd, (off_t)off, SEEK_DATA), hole;

	if ((data < 0 && errno == ENXIO) || data >= (off_t)img->len) /* it has grown since */
		return 0;
	if (data < 0 && (errno == EINVAL || errno == EOPNOTSUPP ||
				errno == ENOSYS)) { /* a filesystem that cannot tell */
		*start = off;
		*end = img->len;
		return off < img->len ? 1 : 0;
	}
	if (data < 0)
		return err_sys("cannot find the data at %llu", (unsigned long long)off);
	hole = lseek(img->fd, data, SEEK_HOLE);
	if (hole < 0)
		return err_sys("cannot find the hole after %llu", (unsigned long long)data);
	*start = (uint64_t)data;
	*end = (uint64_t)hole < img->len ? (uint64_t)hole : img->len;
	return 1;
}

static int allocated(struct image *img, uint64_t *out)
{
	*out = (uint64_t)img->st.st_blocks * 512;
	return 0;
}

static int is_unfinished(struct image *img, const struct limits *l)
{
	struct place place;
	int is;

	if (place_open(&place, l, img->path) < 0)
		return -1;
	is = unfinished_is(img->fd, place.dir, place.name);
	place_close(&place);
	return is;
}

/* Whoever wrote to it has changed its time, and perhaps its length. */
static int check(struct image *img)
{
	struct stat now;

	if (fstat(img->fd, &now) < 0)
		return err_sys("cannot stat");
	if ((uint64_t)now.st_size != img->len)
		return err_set(ST_CORRUPT,
			"the source changed while it was read: %llu bytes, now %llu",
			(unsigned long long)img->len, (unsigned long long)now.st_size);
	if (!img->may_change && (now.st_mtim.tv_sec != img->st.st_mtim.tv_sec ||
					now.st_mtim.tv_nsec != img->st.st_mtim.tv_nsec))
		return err_set(ST_CORRUPT, "the source was written to while it was read");
	return 0;
}

const struct image_ops image_file_ops = {
	.kind = "file",
	.length = length,
	.extent = extent,
	.allocated = allocated,
	.is_unfinished = is_unfinished,
	.check = check,
};
