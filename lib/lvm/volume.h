/*
 * volume: the names of logical volumes, the tags of jobs, and which volumes are refused.
 *
 * /dev/GROUP/NAME, /dev/mapper/GROUP-NAME, /dev/dm-N and links to these name a volume, and
 * /dev/GROUP its group, whether or not they are active.  A pool is a volume that is not an
 * image.  Other internal LVM volumes (a part of a pool, the copy-on-write space of a snapshot)
 * are refused, also by their devices.
 *
 * What asks LVM blocks for seconds; see lvm.h.
 */
#ifndef IMG_VOLUME_H
#define IMG_VOLUME_H

#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/base/run.h"
#include "lib/lvm/lvm.h"

/* Followed by the job that is creating the volume (base/run.h). */
#define VOLUME_TAG_RUN "img-tools.run="
/* The volume is filled in place, and not complete. */
#define VOLUME_TAG_UNFINISHED "img-tools.unfinished"
/*
 * Followed by FROM:TO:FS:RUN while the volume or its filesystem is resized: the sizes of the volume
 * before and after that and that of its filesystem (0: that is not resized), in bytes, and the job.
 * After FS follow ":zeroed" once the new space is zeroed, and ":changing" while the filesystem may
 * be half changed.
 * It counts only beside VOLUME_TAG_UNFINISHED.
 */
#define VOLUME_TAG_RESIZE "img-tools.resize="
/* The volume is the base of a commit that is not complete.  Followed by what the job records. */
#define VOLUME_TAG_COMMIT "img-tools.commit="
/* Of a snapshot: it is the way back of a resize.  Followed by the job. */
#define VOLUME_TAG_WAY_BACK "img-tools.way-back="
#define VOLUME_PATH_MAX (2 * LVM_NAME_MAX + 8)
#define VOLUME_OPEN_MS 2000 /* how long udev may have a volume open */

struct volume_name {
	char group[LVM_NAME_MAX];
	char name[LVM_NAME_MAX]; /* "" for the group */
};

/*
 * Whether the device is a volume or a pool, by the device mapper; then *out.  1, 0, or -1 with
 * ST_REFUSED recorded: it is another internal LVM volume.  Without privilege.
 */
int volume_of_device(struct volume_name *out, dev_t dev);

/*
 * Whether an absolute path is /dev/GROUP or /dev/GROUP/NAME by its spelling; then *out.  The
 * group must exist, the volume need not.  1, 0, or -1 recorded: ST_FAILED if LVM has to be
 * asked, and is missing or fails.
 */
int volume_of_spelling(struct volume_name *out, const char *path);

/* "/dev/GROUP/NAME" or "/dev/GROUP".  Returns out. */
char *volume_path(const struct volume_name *v, char out[VOLUME_PATH_MAX]);

/*
 * What LVM reports of it, for lvm_volume_fini(): 0, or -1 recorded, also ST_ABSENT, and
 * ST_REFUSED if it is an internal LVM volume other than a pool, or if this process is not root.
 */
int volume_look(struct lvm_volume *out, const struct volume_name *name);

/*
 * What can be known of an active volume without LVM, thus without root, in the same form: no
 * tags, pool or snapshots.  0, or -1 with the given error recorded again: it has no device that
 * this process may read.
 */
int volume_look_unprivileged(
	struct lvm_volume *out, const struct volume_name *name, const struct err *why);

/*
 * Opens it with flags, and checks its UUID.  The descriptor, which the caller closes, or -1
 * recorded: ST_BUSY, with EBUSY as err_errno() if O_EXCL is refused.
 */
int volume_open(const struct lvm_volume *v, int flags);

/* volume_type.c: LVM's type of its segments, such as "linear", "thin-pool" or "snapshot". */
#define VOLUME_TYPE_MAX 64
void volume_type(const struct lvm_volume *v, char out[VOLUME_TYPE_MAX]);

/* Refuses what is not an image: a pool, or an internal LVM volume.  0, or -1 with ST_REFUSED. */
int volume_check_image(const struct lvm_volume *v);

/* Refuses a volume that is not active: 0, or -1 recorded, with the command that activates it. */
int volume_check_active(const struct lvm_volume *v);

/*
 * Refuses a name that LVM does not allow or reserves, or for which, with that of its group, the
 * device mapper has no space.  has_layers: LVM makes more devices of its name, as of a thick
 * snapshot and of its origin.  0, or -1 with that status recorded.
 */
int volume_check_name(const struct volume_name *name, bool has_layers, enum status status);

/*
 * volume_use.c: whether the device of fd is open more than own_opens times.  If so, it is
 * checked again, at least once, for *wait_ms milliseconds, from which the time that was waited is
 * taken; NULL: for VOLUME_OPEN_MS.  1, 0, or -1 recorded.  The count of the device mapper does not
 * tell readers from writers.
 */
int volume_is_open_elsewhere(int fd, unsigned own_opens, unsigned *wait_ms);

/*
 * The same of all volumes of list at once, none of which this process has open: sets open[i]
 * for each.  A volume with an exclusive user (mounted, a part of a device) gets false, since
 * inuse.h finds that.  0, or -1 recorded.
 */
int volume_which_are_open(const struct lvm_list *list, bool *open);

/*
 * Refuses the external origin of thin volumes, and names these: 0, or -1 recorded.  What is changed
 * in it would change in them, and LVM would remove them with it.
 */
int volume_check_no_origin(const struct lvm_volume *v);

/*
 * Refuses a volume that must not be changed because of its state, its group or what stands on it:
 * 0, or -1 recorded, with ST_REFUSED unless LVM fails.
 */
int volume_check_changeable(const struct lvm_volume *v);

/* Refuse a group that other hosts may be using: 0, or -1 with ST_REFUSED recorded. */
int volume_check_group(const struct lvm_group *g);
int volume_check_lock_type(const char *type);

/* Whether a job is writing it, or was interrupted, by its tags. */
bool volume_is_unfinished(const struct lvm_volume *v);

/* Whether the open device has that name now.  Records no error. */
bool volume_has_name(int fd, const struct volume_name *name);

/* The tag of volumes that this job creates.  0, or -1 recorded. */
#define VOLUME_RUN_TAG_MAX (sizeof(VOLUME_TAG_RUN) + RUN_TEXT_MAX)
int volume_run_tag(char out[VOLUME_RUN_TAG_MAX]);

/* The state of the job by which it is tagged; RUN_DEAD without a tag. */
enum run_state volume_run_state(const struct lvm_volume *v);

/* Whether it has the tag of this job. */
bool volume_is_own(const struct lvm_volume *v);

/* The name of a volume that LVM has reported. */
struct volume_name volume_name_of(const struct lvm_volume *v);

/* Whether there is no volume of that name: 1, 0, or -1 recorded. */
int volume_is_gone(const struct volume_name *name);

/*
 * volume_remove.c: removes the volume with LVM's uuid from name's group, whatever its name
 * now, unless it has thick snapshots or is an external origin.  0, or -1 recorded: LVM failed;
 * ST_BUSY if a volume still has that name.
 */
int volume_remove(const struct volume_name *name, const char *uuid);

/* Removes the volume of that name if it exists and has the tag of this job.  Likewise. */
int volume_remove_own(const struct volume_name *name);

/*
 * Adds a tag to, or removes it from, the volume in that group with LVM's uuid, if there is
 * one.  0, or -1 recorded.
 */
int volume_set_tag(const char *group, const char *uuid, const char *tag, bool set);

/* Adds one tag and removes another one at the same moment; either may be NULL.  Likewise. */
int volume_swap_tag(const char *group, const char *uuid, const char *add, const char *del);

#endif
