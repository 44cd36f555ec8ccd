/*
 * volume: the names of logical volumes, the tags that we give them, and what is
 * refused of them.
 *
 * /dev/GROUP/NAME, /dev/mapper/GROUP-NAME, /dev/dm-N and links to them name a
 * volume, and /dev/GROUP its group, whether or not either is active.  A volume
 * that LVM uses internally (a pool's parts, the store of a snapshot) is not one: if it
 * can be opened at all, it is some block device.
 */
#ifndef IMG_VOLUME_H
#define IMG_VOLUME_H

#include <sys/types.h>

#include "lib/base/run.h"
#include "lib/lvm/lvm.h"

#define VOLUME_TAG_RUN "img-tools.run=" /* of one that a run is making: base/run.h */
#define VOLUME_TAG_UNFINISHED "img-tools.unfinished"
#define VOLUME_PATH_MAX (2 * LVM_NAME_MAX + 8)
#define VOLUME_OPEN_MS 2000 /* as long as udev may hold one that nobody uses */

struct volume_name {
	char group[LVM_NAME_MAX];
	char name[LVM_NAME_MAX]; /* "" for the group */
};

/* Which volume the device is, by the device mapper; false: none. */
bool volume_of_device(struct volume_name *out, dev_t dev);

/*
 * Which volume or group an absolute path names by its spelling, /dev/GROUP or
 * /dev/GROUP/NAME.  The group has to exist, a volume need not.  1; 0: none;
 * -1 recorded: ST_FAILED if only LVM could tell, and it is missing or fails.
 */
int volume_of_spelling(struct volume_name *out, const char *path);

/* "/dev/GROUP/NAME" or "/dev/GROUP".  Returns out. */
char *volume_path(const struct volume_name *v, char out[VOLUME_PATH_MAX]);

/*
 * What LVM tells of it, or -1 recorded: ST_ABSENT, ST_REFUSED if it is no
 * volume that users see.
 */
int volume_look(struct lvm_volume *out, const struct volume_name *name);

/*
 * Opens it with flags, and makes sure by its UUID that it is that one.  The
 * descriptor, or -1 recorded: ST_BUSY with EBUSY as errno if O_EXCL is refused.
 */
int volume_open(const struct lvm_volume *v, int flags);

/*
 * volume_use.c: whether fd's device is open more often than own_opens, looked at again for
 * VOLUME_OPEN_MS: 1, 0, or -1 recorded.  dm's count cannot tell readers from writers.
 */
int volume_is_open_elsewhere(int fd, unsigned own_opens);

/*
 * The same of many that this process does not have open, all at once: open[i] is of the
 * list's ith; false of what the kernel has for itself.  0 or -1 recorded.
 */
int volume_which_are_open(const struct lvm_list *list, bool *open);

/* 0, or -1 with ST_REFUSED recorded: one whose state, or whose group, allows no change. */
int volume_check_changeable(const struct lvm_volume *v);

/* 0, or -1 with ST_REFUSED recorded: a group that other hosts may be using. */
int volume_check_group(const struct lvm_group *g);
int volume_check_lock_type(const char *type);

/* Whether it is being made, or was left so: by its tags. */
bool volume_is_unfinished(const struct lvm_volume *v);

/* Whether the device that is open has that name now, whatever names are swapped. */
bool volume_has_name(int fd, const struct volume_name *name);

/* The tag of what this run makes.  0 or -1 recorded. */
#define VOLUME_RUN_TAG_MAX (sizeof(VOLUME_TAG_RUN) + RUN_TEXT_MAX)
int volume_run_tag(char out[VOLUME_RUN_TAG_MAX]);

/* Of the run that is making it, or was; RUN_DEAD if there is none. */
enum run_state volume_run_state(const struct lvm_volume *v);

/* Whether this run is making it. */
bool volume_is_own(const struct lvm_volume *v);

/* Its name. */
struct volume_name volume_name_of(const struct lvm_volume *v);

/* Whether no volume has that name: 1, 0, or -1 recorded. */
int volume_is_gone(const struct volume_name *name);

/*
 * volume_remove.c: removes the one with LVM's uuid, under whatever name, unless it has
 * thick snapshots.  0, or -1 recorded: LVM fails; ST_BUSY if there still is one of that
 * name.
 */
int volume_remove(const struct volume_name *name, const char *uuid);

/* The one of that name if it is there and this run's own; likewise. */
int volume_remove_own(const struct volume_name *name);

/*
 * Adds the tag, or takes it away, of the one in that group with LVM's uuid; if there is
 * none, of no other.  0 or -1 recorded.
 */
int volume_set_tag(const char *group, const char *uuid, const char *tag, bool set);

#endif
