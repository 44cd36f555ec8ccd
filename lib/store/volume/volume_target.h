/*
 * volume_target: logical volumes as targets, new or filled in place.
 */
#ifndef IMG_VOLUME_TARGET_H
#define IMG_VOLUME_TARGET_H

#include "lib/lvm/volume.h"
#include "lib/store/block_zero.h"
#include "lib/store/target_ops.h"

/* The backend's make(), and fill() (volume_inplace.c): backend.h. */
struct target *volume_target_make(struct place *place, const struct target_want *want);
struct target *volume_target_fill(struct place *place, const struct target_want *want);

#define VOLUME_JOB_TAGS 3 /* that interrupted jobs may have left, at most */

/* What the two share. */
struct target_volume {
	struct target base;
	const struct volume_name *name; /* base.place's */
	bool is_made;			/* lvcreate was called */
	bool marked;			/* it is marked as unfinished, and by this job */
	char uuid[40];			/* as LVM prints it; "" until it is open */
	char *removed[VOLUME_JOB_TAGS]; /* tags of interrupted jobs that it had; or NULL */
	struct block_zero zero;
};

static inline struct target_volume *target_volume_of(struct target *base)
{
	return (struct target_volume *)base;
}

/* As target_new(). */
struct target_volume *volume_target_new(
	const struct target_ops *ops, struct place *place, const struct target_want *want);

/* Opens the volume exclusively for writing, and gets its size.  0, or -1 recorded. */
int volume_target_open(struct target_volume *t, const struct lvm_volume *v);

/* Refuses a volume whose job is or may be running: 0, or -1 with ST_BUSY recorded. */
int volume_target_check_job(const struct lvm_volume *v);

/* Warns if a thin volume of len bytes is larger than its pool. */
void volume_target_warn_of_pool(const char *path, uint64_t len, const struct lvm_volume *pool);

/* The settle() of both (target_ops.h). */
int volume_target_settle(struct target *base);

/*
 * Removes the tag that says that it is unfinished, unless it was renamed meanwhile.  0, or
 * -1 recorded.
 */
int volume_target_publish(struct target_volume *t, const char *tag);

#endif
