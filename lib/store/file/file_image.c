/*
 * file_image: an image that is a regular file.
 */
#include "lib/store/file/file_image.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/file/file_place.h"
#include "lib/store/file/unfinished.h"

static int find_file_extent(struct image *img, uint64_t off, uint64_t *start, uint64_t *end)
{
	off_t data = lseek(img->fd, (off_t)off, SEEK_DATA), hole;

	if ((data < 0 && errno == ENXIO) || data >= (off_t)img->len) /* it has grown meanwhile */
		return 0;
	/* A filesystem that does not report holes. */
	if (data < 0 && (errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
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

static int count_file_blocks(struct image *img, uint64_t *out)
{
	*out = (uint64_t)img->st.st_blocks * 512;
	return 0;
}

static int is_file_unfinished(struct image *img)
{
	const struct place_file *p = (const struct place_file *)img->place;

	return p ? unfinished_is(img->fd, p->dir, p->base.name) : 0;
}

/* A write changes the modification time, and maybe the length. */
static int check_unchanged(struct image *img)
{
	struct stat now;

	if (fstat(img->fd, &now) < 0)
		return err_sys("cannot stat");
	if ((uint64_t)now.st_size != img->len)
		return err_set(ST_CORRUPT,
			"the source changed its size while it was read: from %llu to %llu bytes",
			(unsigned long long)img->len, (unsigned long long)now.st_size);
	if (!img->may_change && (now.st_mtim.tv_sec != img->st.st_mtim.tv_sec ||
					now.st_mtim.tv_nsec != img->st.st_mtim.tv_nsec))
		return err_set(ST_CORRUPT, "the source was written to while it was read");
	return 0;
}

static const struct image_ops ops = {
	.read = image_fd_read,
	.extent = find_file_extent,
	.allocated = count_file_blocks,
	.use = image_fd_use,
	.is_unfinished = is_file_unfinished,
	.check = check_unchanged,
};

struct image *file_image_of(struct place *place, int fd)
{
	struct image *img = image_new(sizeof(*img), &ops, "file", place);

	if (!img) {
		close(fd);
		return NULL;
	}
	img->fd = fd;
	if (fstat(fd, &img->st) == 0) {
		img->len = (uint64_t)img->st.st_size;
		return img;
	}
	err_sys("cannot stat");
	image_close(img);
	return NULL;
}

struct image *file_image_open(struct place *place)
{
	const struct place_file *p = (const struct place_file *)place;
	int fd = -1;

	if (place->is_container)
		err_set(ST_REFUSED, "is a directory, not an image");
	else if (p->node >= 0 && !S_ISREG(p->st.st_mode))
		err_set(ST_REFUSED, "is neither a regular file nor a block device");
	else
		fd = file_place_open(place, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		return file_image_of(place, fd);
	place_close(place);
	return NULL;
}
