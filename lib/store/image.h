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

#include "lib/base/kv.h"
#include "lib/store/limits.h"

struct image;

struct image_ops {
	const char *kind; /* "file", "volume", "device" */
	/* The length in bytes, from the descriptor. */
	int (*length)(struct image *img, uint64_t *out);
	/*
	 * The next range at or after off that may hold something: 1 and
	 * [*start, *end), not beyond len; 0: only zeros up to the end; -1.
	 */
	int (*extent)(struct image *img, uint64_t off, uint64_t *start, uint64_t *end);
	/* Bytes that it takes on its storage. */
	int (*allocated)(struct image *img, uint64_t *out);
	/* Whether it is marked so (unfinished.h, volume.h): 1, 0 or -1. */
	int (*is_unfinished)(struct image *img, const struct limits *l);
	/* After all was read: 0 if it was the same all the time; or -1. */
	int (*check)(struct image *img);
	/* More for a record of it (info.h); may be NULL. */
	void (*describe)(const struct image *img, struct buf *out);
	void (*release)(struct image *img); /* frees own; may be NULL */
};

struct image {
	const struct image_ops *ops;
	int fd;	   /* O_RDONLY */
	void *own; /* the kind's */
	char *path;
	uint64_t len; /* of the container in bytes: the file's or device's size */
	struct stat st;
	bool may_change; /* the user accepts that it is written to while it is read */
	const struct snapshot_watch *watch; /* of a snapshot (snapshot.h), or NULL */
};

/*
 * Opens an image for reading.  0, or -1 recorded: ST_ABSENT, ST_REFUSED (a
 * directory, a device file that is no disk, outside the limits).  Never blocks
 * on a FIFO.
 */
int image_open(struct image *img, const struct limits *l, const char *path);
void image_close(struct image *img); /* accepts a zeroed one with fd -1 */

/* Reads n bytes at off, all of them: 0, or -1; ST_CORRUPT if the image ends before. */
int image_read(struct image *img, void *p, size_t n, uint64_t off);

/* The kinds: "file", "device" and "volume". */
extern const struct image_ops image_file_ops, image_device_ops, image_volume_ops;

/* As image_open(), of the volume that LVM has told of. */
struct lvm_volume;
struct volume_name;
int image_open_volume(struct image *img, const struct lvm_volume *lv);

/* image_volume.c: its part of that; image_close() is called after a failure, too. */
int image_volume_take(struct image *img, const struct lvm_volume *lv);

/* Which volume it is; false: none. */
bool image_volume_name(const struct image *img, struct volume_name *out);

/* 0, or -1 with ST_REFUSED recorded: a volume, and other hosts may be using its group. */
int image_volume_check_alone(const struct image *img);

#endif
