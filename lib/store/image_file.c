/*
 * image_file: an image that is a regular file.
 */
#include <errno.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/image.h"

static bool is(const struct stat *st, const char *path)
{
	(void)path;
	return S_ISREG(st->st_mode);
}

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
	if (data < 0 && errno == EINVAL) { /* a filesystem that cannot tell */
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

const struct image_ops image_file_ops = { "file", is, length, extent, allocated };
