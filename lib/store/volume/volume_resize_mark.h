/*
 * volume_resize_mark: the tags that a volume has while it, or its filesystem, is resized, and by
 * which the same command completes what was interrupted (VOLUME_TAG_RESIZE, lib/lvm/volume.h).
 *
 * Every function returns 0, or -1 recorded, and blocks as LVM does.
 */
#ifndef IMG_VOLUME_RESIZE_MARK_H
#define IMG_VOLUME_RESIZE_MARK_H

#include "lib/lvm/volume.h"
#include "lib/store/resize.h"

#define RESIZE_TAG_MAX (sizeof(VOLUME_TAG_RESIZE) + RESIZE_RECORD_MAX + RUN_TEXT_MAX)

struct volume_resize_mark {
	struct resize_record record; /* what the tag says, or will say */
	char tag[RESIZE_TAG_MAX];    /* that the volume has, or "" */
	char run[RUN_TEXT_MAX];	     /* the job that has left it, or "" */
};

/*
 * Finds what an interrupted job has left on v: *pending, which stays as it is if there is none.
 * ST_BUSY if that job may be running.
 */
int volume_resize_mark_find(
	struct volume_resize_mark *m, const struct lvm_volume *v, struct resize_record *pending);

/* Whether a volume with these tags waits for the way back that the job run has taken. */
bool volume_resize_mark_awaits(const struct lvm_volume *v, const char *run);

/* Lets the tag say what m->record says, and that this job has written it. */
int volume_resize_mark_write(struct volume_resize_mark *m, const struct lvm_volume *v);

/* The same at the beginning of a job: the volume also becomes an unfinished one. */
int volume_resize_mark_set(struct volume_resize_mark *m, const struct lvm_volume *v);

/* From now on its filesystem may be half changed, or is whole again. */
int volume_resize_mark_changing(
	struct volume_resize_mark *m, const struct lvm_volume *v, bool changing);

/* The volume is complete.  Does nothing if it has no tag. */
int volume_resize_mark_remove(struct volume_resize_mark *m, const struct lvm_volume *v);

#endif
