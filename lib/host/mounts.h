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
	uint64_t id; /* STATX_MNT_ID */
	dev_t dev;
	const char *point, *type, *source; /* valid during the call */
	bool writable;
};

/* Calls each for every mount until it does not return 0; its value, or -1 recorded. */
int mounts_each(int (*each)(void *arg, const struct mounts_entry *m), void *arg);

/*
 * Looks dev up in the mount table.  Appends each mount point, NUL-terminated,
 * to points; *writable is set if one of them is.  Their number, or -1 recorded.
 */
int mounts_find(dev_t dev, struct buf *points, bool *writable);

/* The type of the filesystem that fd, maybe O_PATH, is on; "" if it cannot be told. */
void mounts_type_of(int fd, char type[MOUNTS_TYPE_MAX]);

/* Whether the device dev, or the file (dev, ino) if dev is no device, is swap. */
bool mounts_is_swap(dev_t dev, ino_t ino, bool is_device);

#endif
