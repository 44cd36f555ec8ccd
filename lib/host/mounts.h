/*
 * mounts: the kernel's tables of mounts and swap, as this process sees them.
 */
#ifndef IMG_MOUNTS_H
#define IMG_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"

#define MOUNTS_TYPE_MAX 64

struct mounts_entry {
	uint64_t id; /* as of STATX_MNT_ID */
	dev_t dev;
	const char *point, *type, *source; /* valid during the call */
	bool writable;
};

/* Calls each for every mount until it does not return 0; its value, or -1 recorded. */
int mounts_each(int (*each)(void *arg, const struct mounts_entry *m), void *arg);

/*
 * Finds the mounts of dev.  Appends each mount point, NUL-terminated, to points, and sets
 * *writable if one is.  Their number, or -1 recorded; the caller checks buf_failed().
 */
int mounts_find(dev_t dev, struct buf *points, bool *writable);

/* The type of the filesystem that fd (O_PATH is enough) is on; "" if it is unknown. */
void mounts_type_of(int fd, char type[MOUNTS_TYPE_MAX]);

/* Whether the device dev or, unless is_device, the file (dev, ino) is swap. */
bool mounts_is_swap(dev_t dev, ino_t ino, bool is_device);

#endif
