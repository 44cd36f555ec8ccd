/*
 * volume_way_back: the snapshot by which a volume gets the content back that it had before a
 * resize.
 *
 * It has a tag of its own (VOLUME_TAG_WAY_BACK): img-clean keeps it as long as an unfinished resize
 * of its volume waits for it.  A thick one is as large as the volume.  While it exists, LVM can
 * neither extend nor cut the volume.
 *
 * Every function returns 0, or -1 recorded, and blocks as long as LVM does; the merge also as long
 * as it takes to copy what has changed.
 */
#ifndef IMG_VOLUME_WAY_BACK_H
#define IMG_VOLUME_WAY_BACK_H

#include <stdbool.h>

#include "lib/lvm/volume.h"
#include "lib/store/image.h"

struct way_back {
	struct volume_name name; /* of the snapshot; name.name is "": there is none */
	char uuid[40];		 /* its own, as LVM prints it */
	bool is_invalid;	 /* it has overflowed */
};

/* Refuses a volume for whose snapshot there is no space, once it has grown by so many bytes. */
int way_back_check(const struct lvm_volume *v, uint64_t grown_by);

/*
 * Takes the snapshot of an open volume.  After a failure w->name may be set, and w->uuid "": it was
 * taken, and LVM does not tell of it.
 */
int way_back_take(struct way_back *w, struct image *img, const struct lvm_volume *v);

/* Finds the one that the job run (base/run.h) has taken, if there is one. */
int way_back_find(struct way_back *w, const struct lvm_volume *v, const char *run);

/* Gives it up.  Does nothing if there is none. */
int way_back_remove(struct way_back *w);

/* Merges it into its volume, which must not be open.  It exists no longer after success. */
int way_back_merge(struct way_back *w);

#endif
