/*
 * image: an existing image, open for reading, whatever it lies on.
 *
 * What kind of storage it is stays in this directory: outside, an image is
 * a table of functions.  A kind is a file of its own (image_file.c,
 * image_device.c, ...).
 */
#ifndef IMG_IMAGE_H
#define IMG_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/store/limits.h"

struct image;

struct image_ops {
	const char *kind; /* "file", "volume", "device" */
	/* Whether images of this kind look like that; may look at the path. */
	bool (*is)(const struct stat *st, const char *path);
	/* The length in bytes, from the descriptor. */
	int (*length)(struct image *img, uint64_t *out);
	/*
	 * The next range at or after off that may hold something: 1 and
	 * [*start, *end), not beyond len; 0: only zeros up to the end; -1.
	 */
	int (*extent)(struct image *img, uint64_t off, uint64_t *start, uint64_t *end);
	/* Bytes that it takes on its storage. */
	int (*allocated)(struct image *img, uint64_t *out);
};

struct image {
	const struct image_ops *ops;
	int fd; /* O_RDONLY */
	char *path;
	uint64_t len; /* of the container in bytes: the file's or device's size */
	struct stat st;
	bool may_change; /* the user accepts that it is written to while it is read */
};

/*
 * Opens an image for reading.  0, or -1 recorded: ST_ABSENT, ST_REFUSED (a
 * directory, a device file that is no disk, outside the limits).  Never blocks
 * on a FIFO.
 */
int image_open(struct image *img, const struct limits *l, const char *path);
void image_close(struct image *img); /* accepts a zeroed one with fd -1 */

/* Whether it was written to since it was opened, by its time of modification. */
bool image_is_changed(struct image *img);

/* Reads n bytes at off, all of them: 0, or -1; ST_CORRUPT if the image ends before. */
int image_read(struct image *img, void *p, size_t n, uint64_t off);

/* The kinds: "file" and "device". */
extern const struct image_ops image_file_ops, image_device_ops;

#endif
