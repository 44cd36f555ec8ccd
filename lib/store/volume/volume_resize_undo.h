/*
 * volume_resize_undo: gives a volume back what it was before a resize that failed, or that was
 * interrupted.
 *
 * The volume's old size is given back only if nothing can be using the new space.  If that, or
 * anything else, is not possible, the volume stays marked as unfinished, and a warning says so.
 */
#ifndef IMG_VOLUME_RESIZE_UNDO_H
#define IMG_VOLUME_RESIZE_UNDO_H

#include "lib/lvm/volume.h"
#include "lib/store/resize.h"
#include "lib/store/volume/volume_resize_mark.h"
#include "lib/store/volume/volume_way_back.h"

struct resize_volume {
	struct resize base;
	struct lvm_volume lv;
	struct volume_name name;
	char path[VOLUME_PATH_MAX];
	struct volume_resize_mark mark;
	struct way_back back;
	bool is_changed;   /* what it holds may have been changed */
	bool was_extended; /* by a job that was interrupted */
};

/*
 * If what the volume holds may be half changed, merges the way back that an interrupted job has
 * left, and else removes it.  Meanwhile the image is closed, because the volume must not be open.
 * 0, or -1 recorded: ST_BUSY if it is, and ST_CORRUPT if there is no way back, unless the volume is
 * to be completed in place.
 */
int volume_resize_go_back(struct resize_volume *v);

/* After a failure before anything that it holds was changed; keeps the recorded error. */
void volume_resize_take_back(struct resize_volume *v);

/* After a failure since then: merges the way back first.  The image must be closed. */
void volume_resize_merge_back(struct resize_volume *v);

#endif
