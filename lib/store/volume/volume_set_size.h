/*
 * volume_set_size: changes the size of a logical volume by LVM, without regard to what it holds.
 */
#ifndef IMG_VOLUME_SET_SIZE_H
#define IMG_VOLUME_SET_SIZE_H

#include <stdint.h>

struct volume_name;

/*
 * Whether LVM would reduce the volume to len bytes, which has to be known before what it holds is
 * changed.  0, or -1 recorded: ST_REFUSED with LVM's reason.
 */
int volume_set_size_check_cut(const struct volume_name *name, uint64_t len);

/*
 * Extends or reduces the volume that fd has open from *size to len bytes; blocks until LVM has
 * done it.  Then *size is its new size, which is larger than len where LVM rounds it up, as that
 * of a striped volume.  0, or -1 recorded: ST_BUSY and nothing changed if its size is not *size,
 * or its name not this one, because another has changed it.  After another failure it can have
 * either size.
 */
int volume_set_size(int fd, const struct volume_name *name, uint64_t *size, uint64_t len);

#endif
