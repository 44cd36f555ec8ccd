/*
 * mounts: which block devices are mounted or swap, as the kernel lists them.
 */
#ifndef IMG_MOUNTS_H
#define IMG_MOUNTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/buf.h"

/*
 * Looks dev up in this process's mount table.  Appends each mount point,
 * NUL-terminated, to points; *writable is set if one of them is.  Returns
 * their number, or -1 recorded.
 */
int mounts_find(dev_t dev, struct buf *points, bool *writable);

/* Whether the device dev, or the file (dev, ino) if dev is no device, is swap. */
bool mounts_is_swap(dev_t dev, ino_t ino, bool is_device);

#endif
