/*
 * volume_place: a logical volume, or a volume group, by its name.
 */
#ifndef IMG_VOLUME_PLACE_H
#define IMG_VOLUME_PLACE_H

#include "lib/lvm/volume.h"
#include "lib/store/backend.h"
#include "lib/store/place.h"

struct place_volume {
	struct place base;
	struct volume_name volume; /* its name is "" for a group */
	/* From a report of the group's volumes, so that LVM is not run for each. */
	const struct lvm_volume *known; /* borrowed; NULL: not known */
	const struct lvm_list *all;	/* borrowed: that report; NULL: not known */
	bool known_open;		/* if known: whether it is open elsewhere */
	struct lvm_volume kept;		/* what known is after volume_place_keep(); else zeros */
};

/* The backend's functions for places: backend.h. */
int volume_place_find(struct place **out, const struct found *f);
struct place *volume_place_child(const struct place *container, const char *name);

/* The place of a volume, or of a group (name.name is "").  NULL recorded. */
struct place *volume_place_of(const struct policy *policy, const struct volume_name *name);

/*
 * Keeps what LVM has reported of the volume, so that it is not asked again for this place.  Only
 * for a place that is opened to be read: sizes and tags can be old then.  0, or -1 recorded.
 */
int volume_place_keep(struct place *p, const struct lvm_volume *v);

/* The backend's release(). */
void volume_place_release(struct place *p);

/* What LVM reports of it, as volume_look(); the caller calls lvm_volume_fini(). */
int volume_place_look(const struct place *p, struct lvm_volume *out);

/*
 * The same for reading only, also without root if the device may be read; then LVM is not asked,
 * and a warning says what is therefore not known.
 */
int volume_place_look_readable(const struct place *p, struct lvm_volume *out);

/* As volume_open(); if it is in use, the error names the user. */
int volume_place_open(const struct lvm_volume *v, int flags);

/* Refuses one that is open elsewhere, as inuse_refuse_open().  Waits for udev.  0, or -1 recorded.
 */
int volume_place_refuse_open(const struct lvm_volume *v);

#endif
