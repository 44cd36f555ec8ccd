/*
 * device_mark: the first block of a block device while the device is filled in place and
 * not complete.
 *
 *	 0   32	"img-tools: unfinished device\n", NULs up to 32
 *	32  ...	zeros, up to DEVICE_MARK_SIZE or the device's end
 *
 * The mark is in the device itself, since a device has neither attributes nor tags, and
 * its node in /dev does not survive a reboot.  A guest can write such a block, too.
 */
#ifndef IMG_DEVICE_MARK_H
#define IMG_DEVICE_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_MARK_SIZE 4096u /* bytes */

/* Whether the first n bytes of a device are the mark. */
bool device_mark_is(const void *first, size_t n);

/* Writes the mark to the first n bytes; n is at most DEVICE_MARK_SIZE. */
void device_mark_put(void *first, size_t n);

#endif
