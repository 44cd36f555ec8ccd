/*
 * dm: queries to the kernel's device mapper and changes by it, without LVM.
 *
 * The interface is <linux/dm-ioctl.h> on /dev/mapper/control, which only root may
 * open.  Devices are identified by their numbers, which cannot change while the
 * devices are open.  No function blocks for long.
 */
#ifndef IMG_DM_H
#define IMG_DM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DM_TEXT_MAX 130 /* of a name or UUID, with the NUL */

struct dm_id {
	char name[DM_TEXT_MAX];
	char uuid[DM_TEXT_MAX]; /* "" if it has none */
};

/*
 * Reads name and UUID from /sys; needs no privilege.  1; 0: dev is not a device of the
 * device mapper.
 */
int dm_id(dev_t dev, struct dm_id *id);

/*
 * Whether id is a logical volume that users see, not an internal LVM volume: then
 * its UUID is "LVM-", 32 characters for its group and 32 for the volume, with no
 * suffix.
 */
bool dm_is_volume(const struct dm_id *id);

/* Whether it is an internal LVM volume: the same with a suffix.  Which one: "-pool", "-cow", ... */
bool dm_is_internal(const struct dm_id *id);
bool dm_has_suffix(const struct dm_id *id, const char *suffix);

/* The length of a device's name "vg-lv", in which hyphens are doubled. */
size_t dm_name_len(const char *group, const char *volume);
#define DM_NAME_LEN_MAX 127 /* the kernel's limit */

/*
 * Splits a device name "vg-lv", in which hyphens of group and volume are doubled.
 * Returns false if name does not have this form.
 */
bool dm_split(const char *name, char group[DM_TEXT_MAX], char volume[DM_TEXT_MAX]);

/* How many times a device is open; mounts and other devices count.  0, or -1 recorded. */
int dm_open_count(dev_t dev, unsigned *count);

/*
 * Writes the type and status of a device's only target, such as "snapshot 16/81920 16".
 * 0, or -1 recorded.
 */
int dm_status(dev_t dev, char *out, size_t size);

/* Likewise its type and table, such as "thin 254:7 1". */
int dm_table(dev_t dev, char *out, size_t size);

/* How full a thick snapshot is, or that it is invalid.  0, or -1 recorded. */
struct dm_usage {
	double used;	/* part of the copy-on-write space that is used, from 0 to 1 */
	uint64_t space; /* size of the copy-on-write space in bytes */
	uint64_t chunk; /* the unit of its allocation, in bytes */
	bool invalid;
};
int dm_snapshot_usage(dev_t dev, struct dm_usage *usage);

/*
 * Whether the snapshot may overflow if all of its origin is overwritten.  For each chunk
 * of the origin, it then stores one chunk and a list entry of 16 bytes; the lists have
 * chunks of their own.
 */
bool dm_snapshot_may_overflow(const struct dm_usage *usage, uint64_t origin_bytes);

/* Sends a message to the first target of a device.  0, or -1 recorded. */
int dm_message(dev_t dev, const char *text);

/* The state of a device.  0, or -1 recorded. */
struct dm_state {
	bool is_suspended;
	bool has_table; /* a live table */
	bool has_next;	/* an inactive table, which becomes live on resume */
	unsigned opens; /* as dm_open_count() */
};
int dm_state(dev_t dev, struct dm_state *state);

/*
 * Whether a device that this device lies on is suspended.  Then I/O on this device, and
 * dm_resume() of it, may block until that one is resumed.  1, 0, or -1 recorded.
 */
int dm_lies_on_suspended(dev_t dev);

/*
 * Calls each for every device of the device mapper, until it returns something other
 * than 0, which is then returned.  0, or -1 recorded.
 */
int dm_each(int (*each)(void *arg, const struct dm_id *id, dev_t dev), void *arg);

/* Resumes a suspended device, with its inactive table if it has one.  0, or -1 recorded. */
int dm_resume(dev_t dev);

/* Removes the inactive table of a device.  0, or -1 recorded. */
int dm_forget_next(dev_t dev);

/* Removes a device, which must not be open.  0, or -1 recorded. */
int dm_remove(dev_t dev);

#endif
