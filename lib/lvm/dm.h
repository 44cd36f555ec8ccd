/*
 * dm: what the kernel's device mapper tells of a device, and what it is told
 * without LVM: <linux/dm-ioctl.h>, through /dev/mapper/control, which is
 * root's.  Devices are named by their numbers, which nobody can swap while they
 * are open.  Nothing here blocks for long.
 */
#ifndef IMG_DM_H
#define IMG_DM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DM_TEXT_MAX 130 /* names and UUIDs, with the NUL */

struct dm_id {
	char name[DM_TEXT_MAX];
	char uuid[DM_TEXT_MAX]; /* "" if it has none */
};

/* From /sys, for anybody.  1; 0: dev is no device of the device mapper's. */
int dm_id(dev_t dev, struct dm_id *id);

/*
 * Whether that is a logical volume as users see it, not one that LVM hides: its
 * UUID is "LVM-", 32 characters of its group, 32 of its own, and no more.
 */
bool dm_is_volume(const struct dm_id *id);

/* "vg-lv", in which a hyphen of either is doubled, into both.  Whether it is such. */
bool dm_split(const char *name, char group[DM_TEXT_MAX], char volume[DM_TEXT_MAX]);

/* How often a device is open, by mounts and other devices too.  0 or -1 recorded. */
int dm_open_count(dev_t dev, unsigned *count);

/* The status of a device's only target, as "snapshot 16/81920 16".  0 or -1 recorded. */
int dm_status(dev_t dev, char *out, size_t size);

/* Its table likewise, as "thin 254:7 1". */
int dm_table(dev_t dev, char *out, size_t size);

/* Of a thick snapshot: how full it is, or that it is invalid.  0 or -1 recorded. */
struct dm_usage {
	double used;	/* of its space, from 0 to 1 */
	uint64_t space;	/* bytes of its copy-on-write space */
	uint64_t chunk; /* bytes: the room is given out in such pieces */
	bool invalid;
};
int dm_snapshot_usage(dev_t dev, struct dm_usage *fill);

/*
 * Whether it may overflow when all of its origin is written: it takes a chunk for each of
 * the origin's, and 16 bytes to find it, in chunks of their own.
 */
bool dm_snapshot_may_overflow(const struct dm_usage *fill, uint64_t origin_bytes);

/* Tells a target something.  0 or -1 recorded. */
int dm_message(dev_t dev, const char *text);

/* What state a device is in.  0 or -1 recorded. */
struct dm_state {
	bool is_suspended;
	bool has_table; /* one that works */
	bool has_next;	/* one that it gets when it is resumed */
	unsigned opens;
};
int dm_state(dev_t dev, struct dm_state *state);

/*
 * Whether some device that this one's table leads to is suspended: then what this one is
 * asked for may wait until that is resumed.  1, 0 or -1 recorded.
 */
int dm_lies_on_suspended(dev_t dev);

/* Calls each for all devices; 0 or -1 recorded. */
int dm_each(int (*each)(void *arg, const struct dm_id *id, dev_t dev), void *arg);

/* Lets a suspended device work again, with its next table if it has one.  0 or -1 recorded. */
int dm_resume(dev_t dev);

/* Drops a device's next table.  0 or -1 recorded. */
int dm_forget_next(dev_t dev);

/* Removes a device that nobody has open.  0 or -1 recorded. */
int dm_remove(dev_t dev);

#endif
